#include "sim/core/profile.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

// Busy until this much of the part's time has gone by.
void work(double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

double of(const std::array<double, kParts>& seconds, Part part) {
  return seconds[static_cast<std::size_t>(part)];
}

}  // namespace

TEST_CASE("profile: time belongs to the innermost span", "[core]") {
  Profile profile;
  const Profile::Scope scope(profile);
  {
    const Span outer(Part::routing);
    work(2e-3);
    {
      const Span inner(Part::experts);
      CHECK(current_part() == Part::experts);
      work(1e-3);
    }
    CHECK(current_part() == Part::routing);
  }
  CHECK(current_part() == Part::other);
  const auto seconds = profile.take();
  CHECK(of(seconds, Part::routing) >= 2e-3);
  CHECK(of(seconds, Part::experts) >= 1e-3);
  CHECK(of(seconds, Part::norms) == 0);
  CHECK(of(profile.take(), Part::routing) == 0);  // taken
}

TEST_CASE("profile: none, and nothing happens", "[core]") {
  const Span span(Part::experts);
  CHECK(current_part() == Part::other);
}

}  // namespace moesim::testing
