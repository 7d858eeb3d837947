// Tests report parts that are made in child processes.
#include "analysis/report/parts.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <unistd.h>

namespace moesim::testing {

TEST_CASE("report: parts are made in processes, and come back in order", "[analysis]") {
  std::vector<std::function<ReportPart()>> makers;
  const pid_t here = ::getpid();
  for (std::size_t i = 0; i < 9; ++i)
    makers.emplace_back([i, here] {
      // More than a pipe holds.
      return ReportPart{
          .html = std::string(200000 * (i % 3), 'a' + static_cast<char>(i)) + "\nend",
          .left_out = ::getpid() == here ? "here" : "part " + std::to_string(i) + "\nx"};
    });
  const std::vector<ReportPart> parts = make_parts(makers);
  REQUIRE(parts.size() == 9);
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(parts[i].left_out == "part " + std::to_string(i) + " x");
    CHECK(parts[i].html == std::string(200000 * (i % 3), 'a' + static_cast<char>(i)) + "\nend");
  }
  CHECK(make_parts({}).empty());
}

TEST_CASE("report: a part whose process dies is made again here", "[analysis]") {
  const pid_t here = ::getpid();
  const auto dies = [here]() -> ReportPart {
    if (::getpid() != here) ::_exit(3);
    return {.html = "made here", .left_out = ""};
  };
  CHECK(make_parts({dies, dies}).at(1).html == "made here");
  const auto fails = []() -> ReportPart { fail(Exit::internal, "no such thing"); };
  CHECK_THROWS_WITH(make_parts({fails}), "no such thing");
}

}  // namespace moesim::testing
