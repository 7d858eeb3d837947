#include "sim/io/remove_on_signal.hpp"

#include <ctime>
#include <filesystem>
#include <pthread.h>
#include <unistd.h>
#include <utility>

namespace moesim {

RemoveOnSignal::RemoveOnSignal(std::string folder) : folder_(std::move(folder)) {
  sigemptyset(&signals_);
  for (const int each : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, each);
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  watcher_ = std::thread([this] { watch(); });
}

RemoveOnSignal::~RemoveOnSignal() {
  done_ = true;
  watcher_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void RemoveOnSignal::watch() const {
  constexpr timespec kWait{.tv_sec = 0, .tv_nsec = 20'000'000};
  while (!done_) {
    const int signal = ::sigtimedwait(&signals_, nullptr, &kWait);
    if (signal <= 0) continue;
    // Under another name nobody adds a file to it.
    std::error_code ignored;
    const std::string gone = folder_ + ".removed";
    std::filesystem::rename(folder_, gone, ignored);
    std::filesystem::remove_all(gone, ignored);
    std::signal(signal, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    ::kill(::getpid(), signal);
  }
}

}  // namespace moesim
