// Tests that a training run on the device has the CPU's loss curve, and the same bits when repeated
// on the device.
#include "experiments/sweep/experiment.hpp"
#include "sim/config/reader.hpp"
#include "tests/cuda/support.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace moesim::testing {
namespace {

using Words = std::vector<std::string>;

std::string folder(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

struct Curve {
  std::vector<double> losses;
  std::vector<std::vector<real>> parameters;
  bool operator==(const Curve&) const = default;
};

// The sources may have moved since the build: then the environment's MOESIM_SOURCE_DIR says where.
Curve train(const std::string& text, const std::string& device, const Words& more) {
  Words words = {"data.path=" + text, "run.device=" + device, "run.seed=0"};
  words.insert(words.end(), more.begin(), more.end());
  const std::string study =
      folder("MOESIM_SOURCE_DIR", MOESIM_SOURCE_DIR) + "/experiments/shakespeare.ini";
  std::vector<RunSpec> specs = expand(read_config(study), words);
  REQUIRE(specs.size() == 1);
  DataCache cache;
  Experiment e = build(std::move(specs.front()), 0, cache);
  e.trainer->start();
  e.trainer->run({e.recorder.get()});
  Curve curve;
  Words names = {"loss", "grad_norm", "eval_loss"};
  if (kDouble) names.push_back("importance");  // in float a token may go elsewhere
  for (const std::string& name : names) {
    const auto& values = e.recorder->file().find(name)->values;
    curve.losses.insert(curve.losses.end(), values.begin(), values.end());
  }
  for (const Parameter& p : e.model->parameters()) curve.parameters.push_back(p.value.to_host());
  return curve;
}

TEST_CASE("cuda: the loss curve on text is that of the CPU", "[cuda][slow]") {
  if (!card("the loss curve on text is that of the CPU")) return;
  const std::string text = folder("MOESIM_DATA", "") + "/shakespeare.txt";
  if (!std::filesystem::exists(text)) {
    fmt::print("the loss curve on text: skipped: MOESIM_DATA has no shakespeare.txt\n");
    return;
  }
  arrange(1);
  Words sizes = {"run.steps=50", "eval.every=25", "eval.batches=4"};
  if (emulated())
    sizes = {"run.steps=5",    "eval.every=5",  "eval.batches=1",   "model.width=32",
             "model.layers=1", "train.batch=4", "expert.hidden=32", "data.length=16"};
  for (const char* router : {"dense", "token_choice"}) {
    CAPTURE(router);
    Words words = sizes;
    words.push_back(std::string("router.name=") + router);
    const Curve want = train(text, "cpu", words), got = train(text, "cuda:0", words);
    REQUIRE(got.losses.size() == want.losses.size());
    for (std::size_t i = 0; i < want.losses.size(); ++i) {
      CAPTURE(i);
      CHECK_THAT(got.losses[i], WithinRel(want.losses[i], kDouble ? 1e-8 : 1e-3));
    }
    CHECK(train(text, "cuda:0", words) == got);
  }
}

}  // namespace
}  // namespace moesim::testing
