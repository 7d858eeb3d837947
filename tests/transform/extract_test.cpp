// Tests extraction: the dense network of a task computes what the whole model computes for it.
#include "sim/moe/metrics.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/extracted.hpp"

namespace moesim::testing {
namespace {

constexpr double kExtracted = 1e-12;
TEST_CASE("extract: the network of a task is the model on that task", "[transform]") {
  for (const char* expert : {"mlp", "swiglu", "geglu", "affine"})
    for (const auto& [k, normalise] :
         {std::pair(index{1}, "none"), {2, "none"}, {2, "sum"}, {4, "sum"}}) {
      CAPTURE(expert, k, normalise);
      const Values more = {"expert.name",           expert,   "router.task.k", std::to_string(k),
                           "router.task.normalise", normalise};
      Training whole(of_tasks(more), 1);
      spread(whole);
      whole.run();
      for (index task = 0; task < kTasks; ++task) {
        const OutputChange change = change_of_task(whole, more, k, task, task);
        CHECK(change.logit < kExtracted);
        CHECK(change.after == Approx(change.before).epsilon(kExtracted));
      }
      CHECK(change_of_task(whole, more, k, 1, 2).logit > 100 * kExtracted);
    }
}

TEST_CASE("extract: with one task the model is the dense network", "[transform]") {
  const Values more = {"data.tasks", "copy:100", "router.task.k", "3"};
  Training whole(of_tasks(more), 1);
  whole.run();
  const OutputChange change = change_of_task(whole, more, 3, 0, -1);
  CHECK(change.logit < kExtracted);
  CHECK(change.before > 0);
}

TEST_CASE("extract: shared experts, a latent width and normalised outputs stay", "[transform]") {
  const Values more = {"moe.shared",      "1",    "moe.latent",    "8",
                       "moe.output_norm", "true", "router.task.k", "2"};
  Training whole(of_tasks(more), 1);
  whole.run();
  CHECK(change_of_task(whole, more, 2, 2, 2).logit < kExtracted);
}

TEST_CASE("extract: what has no network of a task is refused", "[transform]") {
  const auto refused = [](const Values& more, const std::string& message) {
    CAPTURE(message);
    const Training whole(of_tasks(more), 1);
    CHECK_THROWS_WITH(require_extractable(*whole.model), contains(message));
  };
  refused({"router.name", "token_choice"}, "does not choose experts by task");
  refused({"router.name", "sentence", "router.sentence.by", "label"},
          "does not choose experts by task");
  refused({"expert.name", "lora"}, "cannot be joined");
  refused({"moe.at", "block"}, "cannot be joined");
}

// With a row of its own expert for each task, the expert determines the task, also after training.
TEST_CASE("task: expert and task determine each other", "[transform]") {
  for (const bool apart : {true, false}) {
    Training training(of_tasks({}), 1);
    set_rows(training, [&](std::size_t task, std::size_t e) {
      return static_cast<real>(e == (apart ? task : 0) ? 1 : 0);
    });
    training.run();
    const Evaluation evaluation = training.trainer->evaluate(4);
    REQUIRE(evaluation.layers.size() == 2);
    for (const LayerStatistics& layer : evaluation.layers)
      CHECK_THAT(metrics::normalised_information(layer.domain_load, 4),
                 WithinAbs(apart ? 1 : 0, 1e-12));
  }
}

}  // namespace
}  // namespace moesim::testing
