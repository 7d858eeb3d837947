// Tests extraction: the dense network of a task computes what the whole model computes for it.
#include "sim/transform/extract.hpp"

#include "sim/moe/metrics.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

namespace moesim::testing {
namespace {

constexpr double kExtracted = 1e-12;
constexpr index kTasks = 3;

Values with(const Values& more) {
  Values values = {"data.name",
                   "tasks",
                   "data.tasks",
                   "copy:100 rise:100 fall:100",
                   "data.length",
                   "24",
                   "data.symbols",
                   "6",
                   "data.tokens",
                   "chars",
                   "data.validation_pairs",
                   "12",
                   "model.layers",
                   "2",
                   "router.name",
                   "task",
                   "eval.sequences",
                   "0"};
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

void set_rows(const Training& training,
              const std::function<real(std::size_t, std::size_t)>& value) {
  for (const Parameter& p : training.model->parameters()) {
    if (!p.name.ends_with("router.weight")) continue;
    std::vector<real> rows;
    for (std::size_t task = 0; task < static_cast<std::size_t>(p.value.rows()); ++task)
      for (std::size_t e = 0; e < static_cast<std::size_t>(p.value.cols()); ++e)
        rows.push_back(value(task, e));
    p.value.from_host(rows);
  }
}

// The change of the logits of task `measured` (-1: all) by the extraction of task `task`.
OutputChange change_of_task(Training& whole, const Values& more, index k, index task,
                            index measured) {
  Values values = with(more);
  values.insert(values.end(),
                {"router.name", "dense", "router.dense.width_factor", std::to_string(k)});
  Training dense(values, 1);
  require_extractable(*whole.model);
  const ModelInput input =
      whole.task->prepare(whole.trainer->evaluator().posed(0), whole.backend).input;
  const std::vector<TaskExperts> layers = experts_of_task(*whole.model, input, task);
  REQUIRE(layers.size() == 2);
  for (const TaskExperts& layer : layers)
    REQUIRE(layer.experts.size() == static_cast<std::size_t>(k));
  give(extract_task(tensors_of(whole), *whole.model, layers), dense);
  return output_change(*whole.model, whole.backend, *dense.model, dense.backend, *dense.task,
                       dense.trainer->evaluator(), measured);
}

// Rows by which tasks have different experts and uneven gates.
void spread(const Training& training) {
  set_rows(training, [](std::size_t task, std::size_t e) {
    return e == task ? real(1.5) : e == task + 1 ? real(0.7) : real(-0.1);
  });
}

TEST_CASE("extract: the network of a task is the model on that task", "[transform]") {
  for (const char* expert : {"mlp", "swiglu", "geglu", "affine"})
    for (const auto& [k, normalise] :
         {std::pair(index{1}, "none"), {2, "none"}, {2, "sum"}, {4, "sum"}}) {
      CAPTURE(expert, k, normalise);
      const Values more = {"expert.name",           expert,   "router.task.k", std::to_string(k),
                           "router.task.normalise", normalise};
      Training whole(with(more), 1);
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

TEST_CASE("extract: bitwise with one expert of gate 1", "[transform]") {
  const Values more = {"router.task.normalise", "sum", "router.task.allow_constant_gate", "true"};
  Training whole(with(more), 1);
  spread(whole);
  whole.run();
  for (index task = 0; task < kTasks; ++task)
    CHECK(change_of_task(whole, more, 1, task, task).logit == 0);
}

TEST_CASE("extract: with one task the model is the dense network", "[transform]") {
  const Values more = {"data.tasks", "copy:100", "router.task.k", "3"};
  Training whole(with(more), 1);
  whole.run();
  const OutputChange change = change_of_task(whole, more, 3, 0, -1);
  CHECK(change.logit < kExtracted);
  CHECK(change.before > 0);
}

TEST_CASE("extract: shared experts, a latent width and normalised outputs stay", "[transform]") {
  const Values more = {"moe.shared",      "1",    "moe.latent",    "8",
                       "moe.output_norm", "true", "router.task.k", "2"};
  Training whole(with(more), 1);
  whole.run();
  CHECK(change_of_task(whole, more, 2, 2, 2).logit < kExtracted);
}

TEST_CASE("extract: what has no network of a task is refused", "[transform]") {
  const auto refused = [](const Values& more, const std::string& message) {
    CAPTURE(message);
    const Training whole(with(more), 1);
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
    Training training(with({}), 1);
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
