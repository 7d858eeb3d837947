// Tests rates, remaining times and log.txt.
#include "experiments/terminal/progress.hpp"

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

TEST_CASE("progress: drops in training and at evaluation, each with its name", "[experiments]") {
  const ConfigFolder folder;
  std::string last;
  Progress progress(
      "run", [&](const std::string& line, bool) { last = line; }, folder.path("log.txt"));
  const auto statistics = [](double assignments, double dropped) {
    LayerStatistics layer;
    layer.assignments = assignments;
    layer.dropped = dropped;
    layer.demand = {1, 3};
    return layer;
  };
  CHECK_FALSE(progress.wants_routing(0));
  struct EveryFourth : Hook {
    bool wants_routing(index step) const override { return step % 4 == 0; }
  } recorder;
  progress.show_records_of(recorder);
  CHECK(progress.wants_routing(8));
  CHECK_FALSE(progress.wants_routing(9));
  progress.on_routing(8, {statistics(100, 30), statistics(300, 10)});
  StepReport report;
  report.step = 8;
  report.steps = 10;
  progress.on_step(report);
  Evaluation evaluation;
  evaluation.loss = 1.5;
  evaluation.layers = {statistics(100, 1), statistics(100, 0)};
  progress.on_evaluation(evaluation);
  CAPTURE(last);
  CHECK(last.find("train drops 10.0%  load CV 0.50") != last.npos);
  CHECK(last.ends_with("validation 1.5000  eval drops 0.5%"));
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
