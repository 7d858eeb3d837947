// Tests metrics that routers name: measured with the statistics, recorded per layer.
#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/checkpointer.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/support.hpp"

#include <cmath>
#include <memory>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

// All tokens to one expert. Of its two metrics "step" is 1 + the number of the micro-batch since
// the start, or 10 + the number of the batch in an evaluation; "late" is 0.5, in the second layer
// from micro-batch 4 on.
class Talkative : public Router {
 public:
  explicit Talkative(const Site& site) : layer_(site.layer) { traits_.experts = 1; }
  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const Context& context = tokens.context;
    Routing routing{.plan = Assignment{.experts = equal_segments(1, tokens.x.rows(), backend)}};
    const auto add = [&](const char* name, double value) {
      routing.metrics.push_back({name, Tensor::full({1}, static_cast<real>(value), backend)});
    };
    add("step", static_cast<double>(context.step + (context.training ? 1 : 10)));
    if (context.training && context.step >= 4 && layer_ == 1) add("late", 0.5);
    return routing;
  }

 private:
  index layer_;
};

// Registers it while it lives.
class WithTalkative {
 public:
  WithTalkative() {
    Registry<Router>::add({"talkative", "for tests", [](const Site& site, Options&) {
                             return std::make_unique<Talkative>(site);
                           }});
  }
  ~WithTalkative() { Registry<Router>::remove("talkative"); }
  WithTalkative(const WithTalkative&) = delete;
  WithTalkative& operator=(const WithTalkative&) = delete;
};

// Four steps of two micro-batches, evaluations of 8 and 4 sequences after 0, 2 and 4.
const Values kTalkative = {"router.name",    "talkative", "train.accumulate", "2",
                           "eval.sequences", "12",        "record.every",     "1"};

constexpr double kAbsent = -1;  // replaces NaN, so that rows can be compared

std::vector<double> recorded(const RunFile& file, const std::string& name) {
  std::vector<double> values = file.all_values(name);
  for (double& value : values) value = std::isnan(value) ? kAbsent : value;
  return values;
}

void check(const RunFile& file) {
  // Means over the micro-batches 2 s and 2 s + 1 of step s, in both layers.
  CHECK(recorded(file, "router_step") ==
        std::vector<double>{1.5, 1.5, 3.5, 3.5, 5.5, 5.5, 7.5, 7.5});
  CHECK(recorded(file, "router_late") ==
        std::vector<double>{kAbsent, kAbsent, kAbsent, kAbsent, kAbsent, 0.5, kAbsent, 0.5});
  const std::vector<double> evaluated = recorded(file, "eval_router_step");
  REQUIRE(evaluated.size() == 3 * 2);
  for (const double value : evaluated)  // weighted by tokens
    CHECK_THAT(value, WithinRel((8 * 10 + 4 * 11) / 12.0, 1e-12));
  CHECK(file.find("eval_router_late") == nullptr);
  CHECK(file.find("router_step")->dims == std::vector<std::string>{"record", "layer"});
  CHECK(file.bytes().size() > 1000);  // dimensions hold
}

TEST_CASE("router metrics: recorded by layer, from the first record that has them",
          "[train][metrics]") {
  const WithTalkative router;
  Training training(kTalkative, 1);
  training.run();
  check(training.recorder->file());
}

TEST_CASE("router metrics: a run that was taken up again has the same",
          "[train][metrics][resume]") {
  const WithTalkative router;
  Training straight(kTalkative, 1);
  straight.run();
  for (index step = 0; step < 4; ++step) {
    CAPTURE(step);
    const TemporaryFolder folder;
    {
      Training first(kTalkative, 1);
      Checkpointer checkpointer(first.settings, *first.trainer, *first.recorder);
      checkpointer.keep_at(folder / "", "config", "data");
      StopBefore stop(step);
      REQUIRE(first.trainer->run({first.recorder.get(), &checkpointer, &stop}) == End::stopped);
      checkpointer.write("");
    }
    Training second(kTalkative, 1);
    Checkpointer checkpointer(second.settings, *second.trainer, *second.recorder);
    checkpointer.keep_at(folder / "", "config", "data");
    REQUIRE(checkpointer.resume([](const std::string&) {}));
    second.trainer->run({second.recorder.get(), &checkpointer});
    check(second.recorder->file());
    std::vector<std::string> names, again;
    for (const Variable& v : straight.recorder->file().variables()) names.push_back(v.name);
    for (const Variable& v : second.recorder->file().variables()) again.push_back(v.name);
    CHECK(names == again);
  }
}

std::string problem_of(const std::vector<Metric>& metrics) {
  try {
    check_metrics(metrics);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::internal);
    return error.what();
  }
  return "no error";
}

TEST_CASE("router metrics: what cannot be recorded is refused", "[moe][metrics]") {
  Backend& backend = test_backend();
  const Tensor one = Tensor::full({1}, 1, backend), two = Tensor::full({2}, 1, backend);
  CHECK(problem_of({{"sparsity", one}, {"Lambda_2", one}, {"2", one}}) == "no error");
  CHECK(problem_of({{std::string(52, 'a'), one}}) == "no error");
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a-b"),
                                  std::string("ä"), std::string(53, 'a')})
    CHECK_THAT(problem_of({{name, one}}), contains("is not a name"));
  CHECK_THAT(problem_of({{"entropy", one}}),
             contains("would be recorded as router_entropy, which is a statistic"));
  CHECK_THAT(problem_of({{"a", one}, {"a", one}}), contains("'a' is returned twice"));
  CHECK_THAT(problem_of({{"a", two}}), contains("'a' is not one number"));
  CHECK_THAT(problem_of({{"a", {}}}), contains("'a' is not one number"));
}

TEST_CASE("router metrics: one copy from the device with the statistics", "[moe][metrics]") {
  Backend& backend = test_backend();
  Routing routing{.plan = Assignment{.experts = equal_segments(2, 3, backend)}};
  routing.metrics = {{"a", Tensor::full({1}, real(0.25), backend)},
                     {"b", Tensor::full({1}, real(-3), backend)}};
  LayerStatistics s = statistics(measure(routing, 6, 2, {}, 0, backend));
  REQUIRE(s.metrics.size() == 2);
  CHECK(s.metrics[0].name == "a");
  CHECK(s.metrics[0].mean() == 0.25);
  CHECK(s.metrics[1].mean() == -3);
  CHECK(s.unrouted == 0);  // stored after the metrics
  CHECK(s.demand == std::vector<double>{3, 3});
  // A pass of two tokens that has "b" alone.
  LayerStatistics other;
  other.metrics = {{"b", 2 * 1, 2}};
  s.add(other);
  CHECK(s.metrics[0].mean() == 0.25);
  CHECK(s.metrics[1].mean() == (6 * -3 + 2 * 1) / 8.0);
}

}  // namespace
}  // namespace moesim::testing
