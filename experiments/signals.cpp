#include "experiments/signals.hpp"

#include <csignal>
#include <initializer_list>
#include <unistd.h>

namespace moesim {
namespace {

constexpr int kKilledByInterrupt = 130;  // as shells report it

// A handler can reach nothing else.
volatile std::sig_atomic_t requested = 0, interrupts = 0;

extern "C" void on_stop_signal(int signal) {
  if (signal == SIGINT) {
    if (interrupts != 0) ::_exit(kKilledByInterrupt);
    interrupts = 1;
  }
  requested = 1;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

bool stop_requested() { return requested != 0; }

}  // namespace moesim
