#include "experiments/terminal/slow_notice.hpp"

#include <chrono>
#include <iostream>
#include <system_error>
#include <utility>

namespace moesim {

SlowNotice::SlowNotice(std::string what) {
  try {
    thread_ = std::thread([this, what = std::move(what)] {
      std::unique_lock lock(mutex_);
      if (ended_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; })) return;
      std::cerr << what + " ...\n";
    });
  } catch (const std::system_error&) {
    // Without a thread there is no notice.
  }
}

SlowNotice::~SlowNotice() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  ended_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace moesim
