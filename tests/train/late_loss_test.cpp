// Tests auxiliary losses that a router does not return in every step: each has a column, NaN in the
// steps without it.
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"
#include "sim/record/block_store.hpp"
#include "sim/record/pack.hpp"
#include "sim/train/checkpointer.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>
#include <functional>
#include <map>
#include <memory>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;
using Names = std::vector<std::string>;

// The losses that a router returns: by micro-batch since the start (Context::step), and layer.
using Plan = std::function<Names(index step, index layer)>;

// All tokens to one expert. A loss called "a" has the value 1, "b" 2, "c" 3, and the weight 0.5.
class Moody : public Router {
 public:
  Moody(const Site& site, Plan plan) : layer_(site.layer), plan_(std::move(plan)) {
    traits_.experts = 1;
  }
  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    Assignment plan;
    plan.experts = equal_segments(1, tokens.x.rows(), backend);
    Routing routing{.plan = plan};
    if (!tokens.context.training) return routing;
    for (const std::string& name : plan_(tokens.context.step, layer_))
      routing.losses.push_back(
          {name, real(0.5), Tensor::full({1}, static_cast<real>(name[0] - 'a' + 1), backend)});
    return routing;
  }

 private:
  index layer_;
  Plan plan_;
};

// Registers it while it lives.
class WithMoody {
 public:
  explicit WithMoody(const Plan& plan) {
    Registry<Router>::add({"moody", "for tests", [=](const Site& site, Options&) {
                             return std::make_unique<Moody>(site, plan);
                           }});
  }
  ~WithMoody() { Registry<Router>::remove("moody"); }
  WithMoody(const WithMoody&) = delete;
  WithMoody& operator=(const WithMoody&) = delete;
};

constexpr double kNone = -1;  // replaces NaN, so that rows can be compared

// name: values by step
std::map<std::string, std::vector<double>> recorded(const RunFile& file) {
  std::map<std::string, std::vector<double>> columns;
  const Variable *names = file.find("aux"), *losses = file.find("aux_loss");
  if (names == nullptr) return columns;
  const std::size_t width = names->texts.size();
  REQUIRE(losses->shape ==
          std::vector<std::int64_t>{file.find("step")->shape[0], static_cast<std::int64_t>(width)});
  for (std::size_t i = 0; i < losses->values.size(); ++i) {
    const double value = losses->values[i];
    columns[names->texts[i % width]].push_back(std::isnan(value) ? kNone : value);
  }
  return columns;
}

struct Case {
  const char* what;
  Plan plan;
  std::string accumulate;
  std::map<std::string, std::vector<double>> want;  // of 4 steps and 2 layers
};

const std::vector<Case> kCases = {
    {"never", [](index, index) { return Names{}; }, "1", {}},
    {"begins",
     [](index step, index) { return step < 2 ? Names{} : Names{"a"}; },
     "1",
     {{"a", {kNone, kNone, 1, 1}}}},
    {"vanishes",
     [](index step, index) {
       return step < 1 ? Names{"a", "b"} : Names{"b"};
     },
     "1",
     {{"a", {1, kNone, kNone, kNone}}, {"b", {2, 2, 2, 2}}}},
    {"changes places",
     [](index step, index) {
       return step % 2 == 0 ? Names{"a", "b"} : Names{"b", "a"};
     },
     "1",
     {{"a", {1, 1, 1, 1}}, {"b", {2, 2, 2, 2}}}},
    {"one after the other",
     [](index step, index) {
       return Names{std::string("cab").substr(static_cast<std::size_t>(step % 3), 1)};
     },
     "1",
     {{"a", {kNone, 1, kNone, kNone}},
      {"b", {kNone, kNone, 2, kNone}},
      {"c", {3, kNone, kNone, 3}}}},
    {"only in one layer",
     [](index step, index layer) { return step > 0 && layer == 1 ? Names{"c"} : Names{"a"}; },
     "1",
     {{"a", {1, 0.5, 0.5, 0.5}}, {"c", {kNone, 1.5, 1.5, 1.5}}}},
    // The mean over micro-batches, of which some have none.
    {"only in some micro-batches",
     [](index step, index) { return step == 3 || step == 4 ? Names{"a"} : Names{}; },
     "2",
     {{"a", {kNone, 0.5, 0.5, kNone}}}},
};

TEST_CASE("auxiliary losses: recorded from the step in which they begin", "[train][aux]") {
  for (const Case& each : kCases) {
    CAPTURE(each.what);
    const WithMoody router(each.plan);
    Training training({"router.name", "moody", "train.accumulate", each.accumulate}, 1);
    training.run();
    const RunFile& file = training.recorder->file();
    CHECK(recorded(file) == each.want);
    for (std::size_t step = 0; step < 4; ++step) {
      double sum = file.find("task_loss")->values[step];
      for (const auto& [name, values] : each.want) sum += std::max(0.0, values[step]);
      CHECK_THAT(file.find("loss")->values[step], WithinRel(sum, 1e-6));
    }
    CHECK(file.bytes().size() > 1000);  // dimensions hold
  }
}

TEST_CASE("auxiliary losses: those that begin after going on, too", "[train][aux][resume]") {
  for (const Case& each : kCases)
    for (index step = 0; step < 4; ++step) {
      CAPTURE(each.what, step);
      const WithMoody router(each.plan);
      const Values values = {"router.name", "moody", "train.accumulate", each.accumulate};
      const TemporaryFolder folder;
      {
        Training first(values, 1);
        Checkpointer checkpointer(first.settings, *first.trainer, *first.recorder);
        checkpointer.keep_at(folder / "", "config", "data");
        StopBefore stop(step);
        REQUIRE(first.trainer->run({first.recorder.get(), &checkpointer, &stop}) == End::stopped);
        checkpointer.write("");
      }
      Training second(values, 1);
      Checkpointer checkpointer(second.settings, *second.trainer, *second.recorder);
      checkpointer.keep_at(folder / "", "config", "data");
      REQUIRE(checkpointer.resume([](const std::string&) {}));
      second.trainer->run({second.recorder.get(), &checkpointer});
      CHECK(recorded(second.recorder->file()) == each.want);
      CHECK(second.recorder->file().bytes().size() > 1000);
    }
}

TEST_CASE("auxiliary losses: one that begins when rows of others have left memory",
          "[train][aux]") {
  constexpr index kSteps = 8500, kBegins = 8400;  // a block has 8192 values
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  Training training({"eval.every", "0"}, 1);
  Recorder& recorder = *training.recorder;
  for (index step = 0; step < kSteps; ++step) {
    StepReport report;
    report.step = step;
    report.aux = {{"a", static_cast<double>(step)}};
    if (step >= kBegins) report.aux.insert(report.aux.begin(), {"b", -0.5});
    recorder.on_step(report);
    if (step == kBegins - 1) REQUIRE(recorder.file().find("aux_loss")->blocks.size() == 1);
  }
  recorder.file().publish(path);
  const RunFile file = read_run_file(path);
  CHECK(file.find("aux")->texts == std::vector<std::string>{"a", "b"});
  const std::vector<double>& values = file.find("aux_loss")->values;
  REQUIRE(values.size() == 2 * kSteps);
  index wrong = 0;
  for (index step = 0; step < kSteps; ++step) {
    const double b = values[static_cast<std::size_t>(2 * step + 1)];
    wrong += values[static_cast<std::size_t>(2 * step)] != static_cast<double>(step);
    wrong += step < kBegins ? !std::isnan(b) : b != -0.5;
  }
  CHECK(wrong == 0);
  // What a checkpoint keeps leads to the same file.
  const RunFile again = unpack(pack(recorder.file()), recorder.file().block_store()->blocks());
  CHECK(again.find("aux_loss")->blocks.size() == recorder.file().find("aux_loss")->blocks.size());
  CHECK(recorder.file().all_values("aux_loss").size() == values.size());
}

}  // namespace
}  // namespace moesim::testing
