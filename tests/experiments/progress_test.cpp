#include "experiments/progress.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <cstdlib>

namespace moesim::testing {
namespace {

// Of a line of progress.
double tokens_per_second(const std::string& line) {
  const std::size_t end = line.find(" tokens/s"), begin = line.rfind(' ', end - 1);
  return std::strtod(line.c_str() + begin, nullptr);
}

}  // namespace

TEST_CASE("rate and time left stay true when training goes back", "[experiments]") {
  const ConfigFolder folder;
  std::string last;
  Progress progress(
      "run", [&](const std::string& line, bool) { last = line; }, folder.path("log.txt"));
  const auto train = [&](index step) {
    StepReport report;
    report.step = step;
    report.steps = 200;
    report.tokens = 10 * (step + 1);
    progress.on_step(report);
  };
  progress.on_evaluation({});
  CHECK(last.empty());
  for (index step = 100; step < 120; ++step) train(step);
  for (const index back : {100, 99, 98, 50, 0}) {
    CAPTURE(back);
    train(back);
    progress.on_evaluation({});
    CAPTURE(last);
    CHECK(tokens_per_second(last) > 0);
    CHECK(std::isfinite(tokens_per_second(last)));
    const std::string left = last.substr(last.find("ETA ") + 4);
    CHECK(std::isfinite(std::strtod(left.c_str(), nullptr)));
    CHECK(left.find_first_of("-") == left.npos);
  }
}

}  // namespace moesim::testing
