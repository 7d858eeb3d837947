// Throttle limits a costly task, such as writing checkpoints, to a share of the time.
#pragma once

#include <chrono>

namespace moesim {

class Throttle {
 public:
  using Clock = std::chrono::steady_clock;
  // share: of the time, e.g. 0.01. least: minimal seconds between two runs of the task.
  explicit Throttle(double share, double least = 0) : share_(share), least_(least) {}

  // True if running the task now keeps its time below `share`.
  bool allows() const { return allows(least_); }
  // The same with another minimum.
  bool allows(double least) const {
    const std::chrono::duration<double> rest = Clock::now() - end_;
    return rest.count() >= least && rest.count() * share_ >= took_;
  }

  // Total seconds of the task.
  double spent() const { return spent_; }

  // Times the task by its lifetime.
  class Work {
   public:
    explicit Work(Throttle& throttle) : throttle_(throttle) {}
    ~Work() {
      throttle_.end_ = Clock::now();
      throttle_.took_ = std::chrono::duration<double>(throttle_.end_ - begin_).count();
      throttle_.spent_ += throttle_.took_;
    }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

   private:
    Throttle& throttle_;
    Clock::time_point begin_ = Clock::now();
  };

 private:
  double share_, least_, took_ = 0, spent_ = 0;
  Clock::time_point end_ = Clock::now();
};

}  // namespace moesim
