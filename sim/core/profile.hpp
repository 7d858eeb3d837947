// Where the time of a training step goes: by the part of the model that spends it.
//
// Code marks its part with a Span; the tape remembers the part of every op, so that its pull-back
// is charged to the same one. Without a current profile a span costs a test.
//
// A device works off a queue, so the time at which work is asked for says nothing about it.
// Therefore a profile reads no clock: at every change of part it has the device stamp its work, and
// asks for the times between the stamps in the end (Timeline).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace moesim {

enum class Part { other, attention, experts, routing, norms, head, optimiser, recording };
inline constexpr std::size_t kParts = 8;
const char* to_string(Part part);

// Stamps between pieces of work, in the order in which they were asked for.
class Timeline {
 public:
  virtual ~Timeline() = default;
  // Does not wait.
  virtual void stamp() = 0;
  // Waits for the last stamp. -> seconds from each stamp to the next; the last one stays as the
  // first of what follows.
  virtual std::vector<double> take() = 0;
};

// Work is done when it is asked for: the clock of the host.
class WallClock : public Timeline {
 public:
  void stamp() override { stamps_.push_back(Clock::now()); }
  std::vector<double> take() override;

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<Clock::time_point> stamps_;
};

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

  // Without a timeline it knows which part is running, and nothing of time.
  Profile() = default;
  explicit Profile(std::unique_ptr<Timeline> timeline);

  // Ends the part that ran, and goes on with this one. -> the part that ran
  Part enter(Part part);
  Part part() const { return part_; }
  bool is_timed() const { return timeline_ != nullptr; }
  // Seconds by part since construction or the last call of take(). Waits for the device.
  std::array<double, kParts> take();

 private:
  std::unique_ptr<Timeline> timeline_;
  Part part_ = Part::other;
  std::vector<Part> ran_;  // before each stamp but the first
};

// The part that is running, Part::other without a profile.
Part current_part();

// Code within the lifetime of a span belongs to its part.
class Span {
 public:
  explicit Span(Part part) : profile_(Profile::current()) {
    if (profile_ != nullptr) previous_ = profile_->enter(part);
  }
  ~Span() { become(previous_); }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  // From here on to another part.
  void become(Part part) {
    if (profile_ != nullptr) profile_->enter(part);
  }

 private:
  Profile* profile_;
  Part previous_ = Part::other;
};

}  // namespace moesim
