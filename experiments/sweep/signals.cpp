#include "experiments/sweep/signals.hpp"

#include <csignal>
#include <cstdint>
#include <ctime>
#include <vector>

namespace moesim {
namespace {

// The stop signals that are not ignored. (An ignored signal would still be pending while blocked.)
std::vector<int> stop_signals() {
  std::vector<int> signals = {SIGINT, SIGTERM, SIGUSR1, SIGXCPU};
  struct sigaction action {};
  if (::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
    signals.push_back(SIGHUP);
  return signals;
}

// Global, because a signal handler has no other access.
volatile std::sig_atomic_t requested = 0, at_once = 0;
volatile std::int64_t first_interrupt = 0;  // in milliseconds; 0: none

// Some senders signal a process and then its group, so one request may arrive twice.
constexpr std::int64_t kOneInterrupt = 500;  // milliseconds

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000 + 1;
}

extern "C" void on_stop_signal(int signal) {
  requested = 1;
  if (signal != SIGINT) return;
  if (first_interrupt == 0)
    first_interrupt = now();
  else if (now() - first_interrupt > kOneInterrupt)
    at_once = 1;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : stop_signals()) ::sigaction(signal, &action, nullptr);
}

void release_stop_signals() {
  for (const int signal : stop_signals()) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == on_stop_signal)
      std::signal(signal, SIG_DFL);
  }
}

void hold_stop_signals() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int signal : stop_signals()) ::sigaddset(&held, signal);
  ::sigprocmask(SIG_BLOCK, &held, nullptr);  // threads started later inherit the mask
}

bool stop_requested() {
  if (requested != 0) return true;
  sigset_t pending;
  if (::sigpending(&pending) != 0) return false;
  for (const int signal : stop_signals())
    if (::sigismember(&pending, signal) == 1) return true;
  return false;
}

bool stop_at_once() { return at_once != 0; }

}  // namespace moesim
