#include "sim/core/profile.hpp"

#include <chrono>
#include <utility>

namespace moesim {
namespace {

thread_local Profile* current_profile = nullptr;

class WallClock : public Timeline {
 public:
  void stamp() override { stamps_.push_back(Clock::now()); }
  std::vector<double> take() override {
    std::vector<double> seconds;
    for (std::size_t i = 1; i < stamps_.size(); ++i)
      seconds.push_back(std::chrono::duration<double>(stamps_[i] - stamps_[i - 1]).count());
    if (!stamps_.empty()) stamps_ = {stamps_.back()};
    return seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<Clock::time_point> stamps_;
};

}  // namespace

const char* to_string(Part part) {
  switch (part) {
    case Part::attention:
      return "attention";
    case Part::experts:
      return "experts";
    case Part::routing:
      return "routing";
    case Part::norms:
      return "norms";
    case Part::head:
      return "head";
    case Part::optimiser:
      return "optimiser";
    case Part::recording:
      return "recording";
    case Part::other:
      break;
  }
  return "other";
}

std::unique_ptr<Timeline> wall_clock() { return std::make_unique<WallClock>(); }

Profile::Scope::Scope(Profile& profile) : previous_(std::exchange(current_profile, &profile)) {}
Profile::Scope::~Scope() { current_profile = previous_; }

Profile* Profile::current() { return current_profile; }

Profile::Profile(std::unique_ptr<Timeline> timeline) : timeline_(std::move(timeline)) {
  timeline_->stamp();
}

Part Profile::enter(Part part) {
  if (part != part_ && timeline_) {
    timeline_->stamp();
    ran_.push_back(part_);
  }
  return std::exchange(part_, part);
}

std::array<double, kParts> Profile::take() {
  timeline_->stamp();
  ran_.push_back(part_);
  const std::vector<double> seconds = timeline_->take();
  std::array<double, kParts> by_part{};
  for (std::size_t i = 0; i < seconds.size(); ++i)
    by_part[static_cast<std::size_t>(ran_[i])] += seconds[i];
  ran_.clear();
  return by_part;
}

Part current_part() { return current_profile == nullptr ? Part::other : current_profile->part(); }

}  // namespace moesim
