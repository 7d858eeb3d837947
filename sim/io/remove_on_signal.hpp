// RemoveOnSignal removes a folder that is being written if a signal ends the process.
#pragma once

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

namespace moesim {

// While it lives, a thread of its own waits for SIGINT, SIGTERM and SIGHUP, which it blocks in the
// thread that makes it and in those that this one starts; other threads must not exist, or must block
// them. It then removes the folder and ends the process by the signal.
class RemoveOnSignal {
 public:
  explicit RemoveOnSignal(std::string folder);
  ~RemoveOnSignal();
  RemoveOnSignal(const RemoveOnSignal&) = delete;
  RemoveOnSignal& operator=(const RemoveOnSignal&) = delete;

 private:
  void watch() const;

  std::string folder_;
  sigset_t signals_{}, before_{};
  std::atomic<bool> done_ = false;
  std::thread watcher_;
};

}  // namespace moesim
