// Profile measures the time of a training step by part of the model (attention, experts, ...).
//
// Code marks its part with a Span. The tape stores the part of every op, so that the time of its
// backward pass is charged to the same part. Without a current profile a span costs one comparison.
//
// A device works through a queue, so the host's clock at launch says nothing about it. The profile
// therefore records a time stamp on the device at every change of part, and reads the times between
// stamps at the end (Timeline).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace moesim {

enum class Part { other, attention, experts, routing, norms, head, optimiser, recording };
inline constexpr std::size_t kParts = 8;
const char* to_string(Part part);

// Timeline records time stamps between pieces of device work, in queue order.
class Timeline {
 public:
  virtual ~Timeline() = default;
  // Queues a stamp; never blocks.
  virtual void stamp() = 0;
  // Blocks until the last stamp, and returns the seconds from each stamp to the next. The last
  // stamp remains as the first of the following interval.
  virtual std::vector<double> take() = 0;
};

// The timeline of devices that run work at the call: it reads the host's clock.
std::unique_ptr<Timeline> wall_clock();

// Profile adds up the times of the parts.
class Profile {
 public:
  // Makes this the profile of the thread for the scope's lifetime.
  class Scope {
   public:
    explicit Scope(Profile& profile);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Profile* previous_;
  };
  static Profile* current();

  // Without a timeline it tracks the current part and measures no time.
  Profile() = default;
  explicit Profile(std::unique_ptr<Timeline> timeline);

  // Ends the current part and begins this one. -> the part that ended
  Part enter(Part part);
  Part part() const { return part_; }
  bool is_timed() const { return timeline_ != nullptr; }
  // Seconds by part since construction or the last call of take(). Synchronises with the device.
  std::array<double, kParts> take();

 private:
  std::unique_ptr<Timeline> timeline_;
  Part part_ = Part::other;
  std::vector<Part> ran_;  // the part that ended at each stamp after the first
};

// The current part; Part::other without a profile.
Part current_part();

// Span assigns the code within its lifetime to a part.
class Span {
 public:
  explicit Span(Part part) : profile_(Profile::current()) {
    if (profile_ != nullptr) previous_ = profile_->enter(part);
  }
  ~Span() { become(previous_); }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  // Assigns what follows to another part.
  void become(Part part) {
    if (profile_ != nullptr) profile_->enter(part);
  }

 private:
  Profile* profile_;
  Part previous_ = Part::other;
};

}  // namespace moesim
