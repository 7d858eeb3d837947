#include "experiments/signals.hpp"

#include <csignal>
#include <vector>

namespace moesim {
namespace {

// Those that ask for a stop. One that is ignored would still be pending while it is held back.
std::vector<int> stop_signals() {
  std::vector<int> signals = {SIGINT, SIGTERM, SIGUSR1};
  struct sigaction action {};
  if (::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
    signals.push_back(SIGHUP);
  return signals;
}

// A handler can reach nothing else.
volatile std::sig_atomic_t requested = 0, interrupts = 0;

extern "C" void on_stop_signal(int signal) {
  if (signal == SIGINT && interrupts < 2) interrupts = interrupts + 1;
  requested = 1;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : stop_signals()) ::sigaction(signal, &action, nullptr);
}

void hold_stop_signals() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int signal : stop_signals()) ::sigaddset(&held, signal);
  ::sigprocmask(SIG_BLOCK, &held, nullptr);  // threads that are started later inherit it
}

bool stop_requested() {
  if (requested != 0) return true;
  sigset_t pending;
  if (::sigpending(&pending) != 0) return false;
  for (const int signal : stop_signals())
    if (::sigismember(&pending, signal) == 1) return true;
  return false;
}

bool stop_at_once() { return interrupts > 1; }

}  // namespace moesim
