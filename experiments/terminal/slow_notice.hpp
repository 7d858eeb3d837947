// SlowNotice prints a line on stderr if an operation takes longer than a second.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace moesim {

class SlowNotice {
 public:
  // Prints "WHAT ..." unless the object is destroyed within a second.
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
