// Tests that an evaluation depends on [eval] only, and its standard error.
#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/evaluator.hpp"
#include "sim/train/ratio_error.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

// Measured without a training step.
Evaluation evaluated(const Values& values) {
  Training training(values, 1);
  return training.trainer->evaluate(0);
}

TEST_CASE("evaluation: dropout acts in training alone", "[train][eval]") {
  const Values none = {"router.name", "token_choice", "moe.shared", "1", "run.steps", "1"};
  for (const char* key : {"model.dropout", "expert.dropout"}) {
    CAPTURE(key);
    Values some = none;
    some.insert(some.end(), {key, "0.5"});
    CHECK(evaluated(some).loss == evaluated(none).loss);
    const auto step = [](const Values& values) {
      Training training(values, 1);
      training.run();
      return training.recorder->file().all_values("loss").front();
    };
    CHECK(step(some) != step(none));
  }
}

TEST_CASE("evaluation: sequences are counted, and cut into batches", "[train][eval]") {
  const double allowed = 1e-12;
  for (const std::string task : {"causal_lm", "masked_lm"}) {
    CAPTURE(task);
    const auto measure = [&](const char* sequences, const char* batch) {
      return evaluated({"router.name", "dense", "task.name", task, "eval.sequences", sequences,
                        "eval.batch", batch});
    };
    const Evaluation whole = measure("5", "5");
    CHECK(whole.sequences == 5);
    for (const char* batch : {"1", "2", "4", "16"}) {
      const Evaluation cut = measure("5", batch);
      CHECK(cut.sequences == 5);
      CHECK(cut.targets == whole.targets);
      CHECK_THAT(cut.loss, WithinAbs(whole.loss, allowed));
      CHECK_THAT(cut.loss_error, WithinAbs(whole.loss_error, 1e3 * allowed));
    }
    CHECK(measure("1", "4").sequences == 1);
    CHECK(std::isnan(measure("1", "4").loss_error));
    for (const char* all : {"0", "16", "1000"}) {
      CHECK(measure(all, "4").sequences == 16);
      CHECK(measure(all, "4").loss_error == 0);
    }
  }
}

TEST_CASE("evaluation: a batch's losses are summed by row, and batches in their order",
          "[train][eval]") {
  const Values values = {
      "router.name",    "token_choice", "data.validation", "60", "eval.batch", "7",
      "eval.sequences", "60",           "data.length",     "24"};
  Training training(values, 1);
  const Evaluation e = training.trainer->evaluate(0);
  const Evaluator& evaluator = training.trainer->evaluator();
  double sum = 0, in_one_go = 0;
  index targets = 0, correct = 0;
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Batch batch = evaluator.posed(i);
    const Example example = training.task->prepare(batch, training.backend);
    Context context = evaluator.context(i);
    std::vector<Loss> losses;
    const Tensor logits = training.model->forward(example.input, context, losses);
    double of_batch = 0;
    for (const real row : cross_entropy_rows(logits, example.targets).to_host())
      of_batch += static_cast<double>(row), in_one_go += static_cast<double>(row);
    sum += of_batch;
    targets += count_targets(batch);
    const std::vector<real> values_of = logits.to_host();
    for (std::size_t row = 0; row < batch.targets.size(); ++row) {
      const auto from = values_of.begin() + static_cast<std::ptrdiff_t>(row) * logits.cols();
      correct += std::max_element(from, from + logits.cols()) - from == batch.targets[row];
    }
  }
  CHECK(e.targets == targets);
  CHECK(e.loss == sum / static_cast<double>(targets));
  CHECK(e.accuracy == static_cast<double>(correct) / static_cast<double>(targets));
  // Sums of floats in double are exact here; sums of doubles tell the orders apart.
  CHECK(sum != in_one_go);
}

TEST_CASE("evaluation: the loss from a position on", "[train][eval]") {
  const Values values = {"router.name",     "token_choice",
                         "data.validation", "9",
                         "eval.batch",      "4",
                         "eval.sequences",  "9",
                         "data.length",     "24",
                         "eval.from",       "17"};
  Training training(values, 1);
  const Evaluation e = training.trainer->evaluate(0);
  const Evaluator& evaluator = training.trainer->evaluator();
  double late = 0;
  index targets = 0;
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Example example = training.task->prepare(evaluator.posed(i), training.backend);
    Context context = evaluator.context(i);
    std::vector<Loss> losses;
    const std::vector<real> rows =
        cross_entropy_rows(training.model->forward(example.input, context, losses), example.targets)
            .to_host();
    for (std::size_t row = 0; row < rows.size(); ++row)
      if (row % 24 >= 17) late += static_cast<double>(rows[row]), ++targets;
  }
  CHECK(targets == 9 * 7);
  CHECK_THAT(e.loss_from, WithinAbs(late / static_cast<double>(targets), 1e-12));
  CHECK(std::abs(e.loss_from - e.loss) > 1e-6);

  // It is recorded at every evaluation; without eval.from, nothing is, and nothing else changes.
  training.run();
  Training plain({"router.name", "token_choice", "data.validation", "9", "eval.batch", "4",
                  "eval.sequences", "9", "data.length", "24"},
                 1);
  plain.run();
  const RunFile& with = training.recorder->file();
  const RunFile& without = plain.recorder->file();
  REQUIRE(with.find("eval_loss_from") != nullptr);
  CHECK(with.find("eval_loss_from")->values.size() == with.find("eval_loss")->values.size());
  CHECK(without.find("eval_loss_from") == nullptr);
  CHECK(std::isnan(plain.trainer->evaluate(0).loss_from));
  CHECK(with.find("eval_loss")->values == without.find("eval_loss")->values);
  CHECK(with.find("loss")->values == without.find("loss")->values);
}

TEST_CASE("evaluation: a position that no sequence has is rejected", "[train][eval]") {
  const auto refused = [](const Values& values) {
    try {
      evaluated(values);
    } catch (const Error& error) {
      CHECK(error.code() == Exit::usage);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refused({"router.name", "dense", "eval.from", "15"}).empty());
  CHECK_THAT(refused({"router.name", "dense", "eval.from", "16"}),
             contains("eval.from") && contains("positions 0 to 15"));
}

TEST_CASE("evaluation: the error over batches is that over their sequences", "[train][eval]") {
  const Stream stream{3, Purpose::sampling};
  RatioError whole, joined;
  for (std::uint64_t batch = 0; batch < 5; ++batch) {
    RatioError part;
    for (std::uint64_t i = 10 * batch; i < 10 * batch + 3 + batch; ++i) {
      const double x = 5 + random_uniform(stream, 2 * i), y = 3 * random_normal(stream, 2 * i + 1);
      part.add(y, x), whole.add(y, x);
    }
    joined.add(part);
  }
  CHECK(joined.count() == whole.count());
  CHECK_THAT(joined.ratio(), WithinRel(whole.ratio(), 1e-13));
  CHECK_THAT(joined.error(100), WithinRel(whole.error(100), 1e-11));
}

TEST_CASE("evaluation: domains are counted, and one without targets is told from them",
          "[train][eval]") {
  // One sequence of one domain out of four.
  const Evaluation e =
      evaluated({"data.switch", "0", "eval.sequences", "1", "router.name", "dense"});
  REQUIRE(e.domain_loss.size() == 4);
  double targets = 0;
  for (std::size_t d = 0; d < 4; ++d) {
    CHECK(std::isnan(e.domain_loss[d]) == (e.domain_targets[d] == 0));
    targets += e.domain_targets[d];
  }
  CHECK(targets == 16);
  CHECK(e.targets == 16);
}

TEST_CASE("evaluation: the error of a ratio by hand", "[train][eval]") {
  // (3, 1), (5, 2), (4, 3): R = 2, residuals 1, 1, -2, squares 6.
  // √((1 - 3/12) · 3/2 · 6) / 6 = √6.75 / 6
  RatioError error;
  error.add(3, 1), error.add(5, 2), error.add(4, 3);
  CHECK(error.ratio() == 2);
  CHECK_THAT(error.error(12), WithinRel(std::sqrt(6.75) / 6, 1e-14));
  CHECK(error.error(3) == 0);
}

TEST_CASE("evaluation: the error is how far a part lies from the whole", "[train][eval]") {
  // Sequences with a loss per target of their own and targets that go with it; 2,000 random parts.
  constexpr index kAll = 60, kPart = 40;
  std::vector<std::pair<double, double>> all;
  RatioError whole;
  const Stream stream{7, Purpose::sampling};
  for (index i = 0; i < kAll; ++i) {
    const double x = 10 + 4 * random_uniform(stream, 2 * i),
                 y = x * (1 + 0.5 * random_normal(stream, 1000 + i)) + x * x / 10;
    all.emplace_back(y, x);
    whole.add(y, x);
  }
  double squares = 0, errors = 0;
  constexpr int kTimes = 2000;
  std::uint64_t draw = 10000;
  for (int time = 0; time < kTimes; ++time) {
    RatioError part;
    for (std::size_t i = 0; i < kPart; ++i) {  // Fisher and Yates
      std::swap(all[i], all[i + random_below(stream, draw++, kAll - i)]);
      part.add(all[i].first, all[i].second);
    }
    squares += std::pow(part.ratio() - whole.ratio(), 2);
    errors += std::pow(part.error(kAll), 2);
  }
  CHECK_THAT(std::sqrt(errors / squares), WithinAbs(1, 0.05));
}

TEST_CASE("evaluation: eval.batches is read as sequences, and resolved as them", "[train][eval]") {
  const auto sequences = [](const Values& values) {
    const Training training(values, 1);
    CHECK_THAT(training.settings.resolved(), !contains("batches"));
    CHECK_THAT(training.settings.declared().at("eval.batches").help, contains("eval.sequences"));
    return training.settings.effective("eval.sequences");
  };
  CHECK(sequences({"eval.batches", "3", "eval.batch", "4"}) == "12");
  CHECK(sequences({"eval.batches", "0"}) == "0");
  CHECK(sequences({"eval.sequences", "12"}) == "12");

  Training training({}, 1);
  training.settings.set("eval.batches", "1", "f.ini:3");
  try {
    const Trainer both(training.settings, *training.data, *training.task, *training.model,
                       training.backend, 0);
    FAIL("both were taken");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK_THAT(error.what(), contains("f.ini:3: eval.batches = 1: test: eval.sequences = 8"));
  }
}

}  // namespace
}  // namespace moesim::testing
