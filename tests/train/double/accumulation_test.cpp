// Tests that a step does not depend on its number of micro-batches: its rows, its masks, the mean
// over its targets, and its gradient.
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace moesim::testing {
namespace {

std::vector<double> recorded(const Training& training, const std::string& name) {
  return training.recorder->file().find(name)->values;
}

// Of the last step.
std::vector<real> gradients(const Training& training) {
  std::vector<real> all;
  for (const Parameter& p : training.trainer->parameters())
    for (const real g : p.value.gradient().to_host()) all.push_back(g);
  return all;
}

TEST_CASE("accumulation: 1, 4 and 16 micro-batches are the same step", "[train][accumulate]") {
  const double allowed = 1e-12;
  const Values base = {"train.batch", "16", "train.rate", "0", "train.clip",   "0",
                       "data.length", "8",  "run.steps",  "3", "data.symbols", "40"};
  for (const Values& arm : std::vector<Values>{
           {"router.name", "dense"},
           {"router.name", "dense", "task.name", "masked_lm"},
           {"router.name", "token_choice", "router.token_choice.capacity_factor", "0",
            "router.token_choice.balance_weight", "0", "task.name", "masked_lm"}}) {
    CAPTURE(arm);
    Training whole(with(base, arm), 1);
    whole.run();
    REQUIRE(recorded(whole, "task_loss").size() == 3);
    for (const char* parts : {"4", "16"}) {
      CAPTURE(parts);
      Training split(with(base, with(arm, {"train.accumulate", parts})), 1);
      split.run();
      for (const char* name : {"task_loss", "loss", "grad_norm"})
        for (std::size_t step = 0; step < 3; ++step)
          CHECK_THAT(recorded(split, name)[step], WithinAbs(recorded(whole, name)[step], 1e-12));
      CHECK(recorded(split, "eval_loss") == recorded(whole, "eval_loss"));
      CHECK(recorded(split, "tokens") == recorded(whole, "tokens"));
      const std::vector<real> want = gradients(whole), got = gradients(split);
      REQUIRE(got.size() == want.size());
      double largest = 0, difference = 0;
      for (std::size_t i = 0; i < want.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(want[i])));
        difference = std::max(difference, std::abs(static_cast<double>(got[i] - want[i])));
      }
      CHECK(largest > 0.01);
      CHECK(difference < allowed);
    }
  }
}

// Targets of rows first .. first + count - 1 of what is drawn together, and their ids.
Batch posed(const Task& task, const Batch& all, const Drawn& drawn, index first, index count) {
  Drawn part = drawn;
  part.first = first;
  return task.pose(rows_of(all, first, count), part);
}

TEST_CASE("masked_lm: what is hidden in a row does not depend on its batch", "[train][task]") {
  const Training training({"task.name", "masked_lm", "data.length", "32"}, 1);
  for (const Split split : {Split::train, Split::validation}) {
    const Batch all = training.data->batch(split, 3, 0, 12);
    const Drawn drawn{split, 3, 0, 0, 12};
    const Batch whole = training.task->pose(all, drawn);
    const auto hidden = static_cast<double>(count_targets(whole));
    CHECK(hidden > 12 * 32 * 0.08);
    CHECK(hidden < 12 * 32 * 0.23);
    for (const index size : {1, 3, 4})
      for (index first = 0; first < 12; first += size) {
        const Batch got = posed(*training.task, all, drawn, first, size),
                    want = rows_of(whole, first, size);
        CHECK(got.ids == want.ids);
        CHECK(got.targets == want.targets);
      }
    for (std::size_t i = 0; i < whole.targets.size(); ++i)
      CHECK((whole.targets[i] == -1 ? whole.ids[i] : whole.targets[i]) == all.ids[i]);
  }
}

TEST_CASE("masked_lm: every step and every evaluation hides something", "[train][task]") {
  const Values values = {"task.name",   "masked_lm", "task.mask_rate", "0.001", "data.length", "4",
                         "train.batch", "4",         "router.name",    "dense"};
  const Training training(values, 1);
  const Batch all = training.data->batch(Split::train, 0, 0, 4);
  std::set<std::ptrdiff_t> places;
  int alone = 0;
  for (index step = 0; step < 200; ++step) {
    const Drawn drawn{Split::train, 0, step, 0, 4};
    const Batch whole = training.task->pose(all, drawn);
    const auto hidden = static_cast<double>(count_targets(whole));
    REQUIRE(hidden >= 1);
    alone += hidden == 1;
    index in_parts = 0;
    for (index row = 0; row < 4; ++row)
      in_parts += count_targets(posed(*training.task, all, drawn, row, 1));
    CHECK(static_cast<double>(in_parts) == hidden);
    places.insert(std::find_if(whole.targets.begin(), whole.targets.end(),
                               [](std::int32_t id) { return id >= 0; }) -
                  whole.targets.begin());
  }
  CHECK(alone > 190);
  CHECK(places.size() == 16);  // any position

  for (const char* parts : {"1", "4"}) {
    Training run(with(values, {"train.accumulate", parts, "eval.sequences", "1", "run.steps", "6"}),
                 1);
    run.run();
    for (const char* name : {"task_loss", "eval_loss"})
      for (const double loss : recorded(run, name)) CHECK_THAT(loss, WithinAbs(std::log(16), 0.5));
  }
}

TEST_CASE("batch: some of its rows, of tokens and of features", "[data][task]") {
  const Batch labelled{
      3, 2, {}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {7, 8, 9}, {1, 1, 2, 2, 3, 3}};
  const Batch two = rows_of(labelled, 1, 2);  // of 2 positions with 2 features each
  CHECK(two.batch == 2);
  CHECK(two.length == 2);
  CHECK(two.ids.empty());
  CHECK(two.features == std::vector<float>{4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(two.targets == std::vector<std::int32_t>{8, 9});
  CHECK(two.domains == std::vector<std::int32_t>{2, 2, 3, 3});
  const Batch tokens{2, 3, {1, 2, 3, 4, 5, 6}, {}, {2, 3, 4, 5, 6, 7}, {}};
  CHECK(rows_of(tokens, 1, 1).ids == std::vector<std::int32_t>{4, 5, 6});
  CHECK(rows_of(tokens, 1, 1).targets == std::vector<std::int32_t>{5, 6, 7});
  CHECK(rows_of(tokens, 0, 2).ids == tokens.ids);
  for (const auto& [first, count] : {std::pair<index, index>{-1, 1}, {1, 2}, {0, 0}})
    CHECK_THROWS_WITH(rows_of(tokens, first, count), contains("of a batch of 2"));
}

// Asks for nothing, in one split.
class Idle : public Task {
 public:
  Idle(const Task& task, Split split) : task_(task), split_(split) {}
  ModelShape shape() const override { return task_.shape(); }
  Batch pose(Batch batch, const Drawn& drawn) const override {
    if (drawn.split == split_) batch.targets.assign(batch.targets.size(), -1);
    return batch;
  }
  Example prepare(const Batch& batch, Backend& backend) const override {
    return task_.prepare(batch, backend);
  }

 private:
  const Task& task_;
  Split split_;
};

TEST_CASE("nothing to predict: a step or an evaluation without targets is named", "[train][task]") {
  const std::pair<Split, std::string> cases[] = {
      {Split::train, "step 0: nothing to predict in 8 sequences of 16 positions"},
      {Split::validation, "evaluation at step 0: nothing to predict in 8 validation sequences"}};
  for (const auto& [split, message] : cases) {
    Training training({"router.name", "dense"}, 1);
    const Idle idle(*training.task, split);
    Trainer trainer(training.settings, *training.data, idle, *training.model, training.backend, 0);
    try {
      trainer.run({});
      FAIL("nothing was noticed");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::data);
      CHECK_THAT(error.what(), contains(message));
    }
  }
}

}  // namespace
}  // namespace moesim::testing
