#include "experiments/progress.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>

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

TEST_CASE("log.txt: a file that was removed, moved or replaced comes back", "[experiments]") {
  const ConfigFolder folder;
  const std::string log = folder.path("log.txt");
  const auto lines = [](const std::string& path) {
    std::ifstream file(path);
    std::string all;
    for (std::string line; std::getline(file, line);) all += line.substr(5, 3) + ",";
    return all;
  };
  Progress progress(
      "run", [](const std::string&, bool) {}, log);
  progress.say("one");
  progress.say("two");
  CHECK(lines(log) == "one,two,");
  REQUIRE(std::remove(log.c_str()) == 0);
  progress.say("thr");
  progress.say("fou");
  CHECK(lines(log) == "thr,fou,");
  REQUIRE(std::rename(log.c_str(), (log + ".1").c_str()) == 0);
  std::ofstream(log) << "run  xxx of another\n";
  progress.say("fiv");
  CHECK(lines(log) == "xxx,fiv,");
  CHECK(lines(log + ".1") == "thr,fou,");
  // Nothing waits for what is there instead, and the file comes back after it.
  REQUIRE(std::remove(log.c_str()) == 0);
  REQUIRE(::mkfifo(log.c_str(), 0666) == 0);
  progress.say("six");
  REQUIRE(std::remove(log.c_str()) == 0);
  progress.say("sev");
  CHECK(lines(log) == "sev,");
}

}  // namespace moesim::testing
