// Where the time of a training step goes: wall time by the part of the model that spends it.
//
// Code marks its part with a Span; the tape remembers the part of every op, so that its pull-back
// is charged to the same one. Without a current profile a span costs a test.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace moesim {

enum class Part { other, attention, experts, routing, norms, head, optimiser, recording };
inline constexpr std::size_t kParts = 8;
const char* to_string(Part part);

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

  // Charges the time since the last call to the part that ran, and goes on with this one. -> the
  // part that ran
  Part enter(Part part);
  Part part() const { return part_; }
  // Seconds by part since construction or the last call of take().
  std::array<double, kParts> take();

 private:
  using Clock = std::chrono::steady_clock;
  Part part_ = Part::other;
  Clock::time_point since_ = Clock::now();
  std::array<double, kParts> seconds_{};
};

// The part that is running, Part::other without a profile.
Part current_part();

// Code within the lifetime of a span belongs to its part.
class Span {
 public:
  explicit Span(Part part) : profile_(Profile::current()) {
    if (profile_ != nullptr) previous_ = profile_->enter(part);
  }
  ~Span() {
    if (profile_ != nullptr) profile_->enter(previous_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  Profile* profile_;
  Part previous_ = Part::other;
};

}  // namespace moesim
