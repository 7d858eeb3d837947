// A line on stderr for work that takes over a second, so that nobody wonders.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace moesim {

class SlowNotice {
 public:
  // "WHAT ..." is said if this object still lives after a second.
  explicit SlowNotice(std::string what);
  ~SlowNotice();
  SlowNotice(const SlowNotice&) = delete;
  SlowNotice& operator=(const SlowNotice&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace moesim
