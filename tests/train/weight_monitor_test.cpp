// Tests the weights of mixings and mergings that a monitor collects: whole sequences within a limit,
// numbered through all passes, and what a file says about them.
#include "sim/train/weight_writer.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// Two evaluation passes of 8 sequences of 16 tokens.
RoutedWeights weights_of(const std::string& router, double most_bytes) {
  Training training({"router.name", router, "eval.sequences", "16"}, 1);
  WeightMonitor monitor(*training.model, most_bytes);
  const Evaluator& evaluator = training.trainer->evaluator();
  for (index pass = 0; pass < 2; ++pass) {
    const Example example = training.task->prepare(evaluator.posed(pass), training.backend);
    Context context = evaluator.context(pass);
    monitor.attach(context, example);
    std::vector<Loss> losses;
    (void)training.model->forward(example.input, context, losses);
  }
  return monitor.weights();
}

}  // namespace

TEST_CASE("weights: the first sequences that fit are kept in every layer", "[train][trace]") {
  const RoutedWeights all = weights_of("soft", 1e9);
  CHECK((all.sequences == 16 && all.written == 16 && all.plan == "mixing"));
  CHECK(missing_weights(all).empty());
  const std::size_t layers = all.mixings.size() / 2;
  REQUIRE(layers > 0);
  CHECK(all.mixings.back().first == 8);
  CHECK(all.bytes_each == 2.0 * 4 * static_cast<double>(layers) * 16 * 16);

  for (const index fit : {0, 3, 8, 11}) {
    const RoutedWeights some =
        weights_of("soft", all.bytes_each * (static_cast<double>(fit) + 0.5));
    CAPTURE(fit);
    CHECK(some.written == fit);
    index maps = 0;
    for (const PassWeights<MixingMap>& one : some.mixings) maps += one.map.sequences;
    CHECK(maps == fit * static_cast<index>(layers));
    CHECK(missing_weights(some).find("first " + std::to_string(fit) + " of 16") !=
          std::string::npos);
    if (fit == 3) {
      const std::vector<float>& whole = all.mixings[0].map.dispatch;
      CHECK(some.mixings[0].map.dispatch ==
            std::vector<float>(whole.begin(), whole.begin() + 3l * 16 * 16));
    }
  }
}

TEST_CASE("weights: mergings count their tokens through all passes", "[train][trace]") {
  const RoutedWeights all = weights_of("smear", 0);
  CHECK((all.plan == "merging" && all.mixings.empty() && missing_weights(all).empty()));
  REQUIRE(all.mergings.size() >= 2);
  CHECK(all.mergings.front().first == 0);
  CHECK(all.mergings.back().first == 128);
  CHECK(all.mergings.back().map.offset.back() == 128);
  CHECK(all.mergings.back().map.weight.size() == 8 * 4);
}

TEST_CASE("weights: a layer with fewer experts, slots or tokens leaves places empty",
          "[train][trace]") {
  RoutedWeights weights;
  weights.plan = "mixing";
  weights.mixings = {{.layer = 1,
                      .first = 4,
                      .map = {.sequences = 1,
                              .length = 1,
                              .experts = 1,
                              .slots = 2,
                              .dispatch = {0.25F, 0.75F},
                              .combine = {1, 2}}},
                     {.layer = 3,
                      .first = 0,
                      .map = {.sequences = 1,
                              .length = 2,
                              .experts = 2,
                              .slots = 1,
                              .dispatch = {1, 2, 3, 4},
                              .combine = {5, 6, 7, 8}}}};
  RunFile file;
  put_weights(file, weights, 2);
  CHECK(file.text("plan_kind") == "mixing");
  const Variable& dispatch = *file.find("trace_dispatch");
  CHECK(dispatch.shape == std::vector<std::int64_t>{2, 2, 2, 2});  // map, position, expert, slot
  std::string seen;
  for (const double value : dispatch.values)
    seen += std::isnan(value) ? "- " : std::to_string(value).substr(0, 4) + " ";
  CHECK(seen == "0.25 0.75 - - - - - - 1.00 - 2.00 - 3.00 - 4.00 - ");
  CHECK(file.find("trace_map_sequence")->values == std::vector<double>{4, 0});
  CHECK(file.find("trace_map_layer")->values == std::vector<double>{1, 3});
}

}  // namespace moesim::testing
