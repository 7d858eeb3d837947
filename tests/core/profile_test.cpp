// Tests the profiler: time belongs to the innermost span.
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
  Profile profile(wall_clock());
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

// A clock that ticks when a test says so.
struct Ticks : Timeline {
  explicit Ticks(const double& now) : now_(now) {}
  void stamp() override { stamps_.push_back(now_); }
  std::vector<double> take() override {
    std::vector<double> seconds;
    for (std::size_t i = 1; i < stamps_.size(); ++i) seconds.push_back(stamps_[i] - stamps_[i - 1]);
    stamps_ = {now_};
    return seconds;
  }
  const double& now_;
  std::vector<double> stamps_;
};

TEST_CASE("profile: every change of part is stamped once, and nothing else", "[core]") {
  double now = 100;
  auto timeline = std::make_unique<Ticks>(now);
  const Ticks& ticks = *timeline;
  Profile profile(std::move(timeline));
  const Profile::Scope scope(profile);
  now += 1;  // other
  {
    Span span(Part::norms);
    now += 2;
    span.become(Part::norms);
    now += 4;
    span.become(Part::head);
    now += 8;
    const Span inner(Part::head);
    now += 16;
  }
  now += 32;                         // other again
  CHECK(ticks.stamps_.size() == 4);  // the first, and three changes
  auto seconds = profile.take();
  CHECK(of(seconds, Part::other) == 33);
  CHECK(of(seconds, Part::norms) == 6);
  CHECK(of(seconds, Part::head) == 24);
  now += 64;
  seconds = profile.take();
  CHECK(of(seconds, Part::other) == 64);
  CHECK(of(seconds, Part::head) == 0);
}

TEST_CASE("profile: without a timeline it knows the part", "[core]") {
  Profile profile;
  const Profile::Scope scope(profile);
  const Span span(Part::norms);
  CHECK(current_part() == Part::norms);
}

TEST_CASE("profile: none, and nothing happens", "[core]") {
  const Span span(Part::experts);
  CHECK(current_part() == Part::other);
}

}  // namespace moesim::testing
