// Tests what leaves a run as it is without distillation, to the bit.
#include "tests/support/catch.hpp"
#include "tests/train/taught.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("distillation: without weight, or after its end, a run is as without",
          "[train][distil]") {
  double gap = 0;
  const std::string plain = taught({}, gap);
  CHECK(gap == 0);
  CHECK(taught({"distil.teacher", "T", "distil.weight", "0"}, gap) == plain);
  const std::string half = taught({"distil.teacher", "T", "distil.weight", "0.5"}, gap);
  CHECK(half != plain);
  CHECK(gap != 0);
  CHECK(taught({"distil.teacher", "T", "distil.weight", "0.5", "distil.until", "4"}, gap) == half);
  CHECK(taught({"distil.teacher", "T", "distil.weight", "0.5", "distil.until", "1"}, gap) != half);
  // Steps 0 to until - 1 have the teacher.
  std::vector<double> gaps;
  taught({"distil.teacher", "T", "distil.weight", "0.5", "distil.until", "2"}, gap, &gaps);
  REQUIRE(gaps.size() == 4);
  for (std::size_t step = 0; step < 4; ++step) CHECK((gaps[step] != 0) == (step < 2));
  CHECK_THROWS_WITH(Training({"distil.checkpoint", "last"}, 1), contains("newest, best or a step"));
}

}  // namespace
}  // namespace moesim::testing
