#include "sim/core/profile.hpp"

#include <utility>

namespace moesim {
namespace {

thread_local Profile* current_profile = nullptr;

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

Profile::Scope::Scope(Profile& profile) : previous_(std::exchange(current_profile, &profile)) {}
Profile::Scope::~Scope() { current_profile = previous_; }

Profile* Profile::current() { return current_profile; }

Part Profile::enter(Part part) {
  const Clock::time_point now = Clock::now();
  seconds_[static_cast<std::size_t>(part_)] += std::chrono::duration<double>(now - since_).count();
  since_ = now;
  return std::exchange(part_, part);
}

std::array<double, kParts> Profile::take() {
  enter(part_);
  return std::exchange(seconds_, {});
}

Part current_part() { return current_profile == nullptr ? Part::other : current_profile->part(); }

}  // namespace moesim
