// Tests totals of time and drops over several processes.
#include "tests/record/samples.hpp"
#include "tests/train/kept.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim::testing {
namespace {

const Values kDropping = {"run.steps",
                          "20",
                          "record.every",
                          "2",
                          "eval.every",
                          "10",
                          "router.token_choice.capacity_factor",
                          "0.5",
                          "checkpoint.every",
                          "5"};

double number(const RunFile& file, const std::string& name) {
  return std::get<double>(file.attributes().at(name));
}

double seconds(const RunFile& file) {
  const std::vector<double> all = file.all_values("seconds");
  return std::accumulate(all.begin(), all.end(), 0.0);
}

// 1000 FLOPs with one row per token and layer are expected; rows are counted from what was loaded.
double measured_flops(const Training& training) {
  const RunFile& file = training.recorder->file();
  const std::vector<double> load = file.all_values("load");  // [record, 2 layers, 4 experts]
  const double tokens = 8 * 16, records = static_cast<double>(load.size()) / 8;
  double flops = 1000;
  for (std::size_t layer = 0; layer < 2; ++layer) {
    double rows = 0;
    for (std::size_t i = 0; i < load.size(); ++i) rows += i / 4 % 2 == layer ? load[i] : 0;
    flops += 3 * training.model->moe_layer(layer).expert().flops_per_row() *
             (rows / (records * tokens) - 1);
  }
  return flops;
}

TEST_CASE("totals: sums of what is recorded", "[train]") {
  Training training(kDropping, 1);
  training.recorder->file().attribute("flops_per_token", 1000.0);
  training.run();
  const RunFile& file = training.recorder->with_totals();
  CHECK_THAT(number(file, "train_seconds"), WithinRel(seconds(file), 1e-12));
  CHECK(number(file, "wall_seconds") >= number(file, "train_seconds"));
  CHECK(number(file, "train_flops") == 1000.0 * 20 * 8 * 16);
  const double flops = measured_flops(training);
  CHECK(flops < 1000);  // half of the capacity
  CHECK_THAT(number(file, "flops_per_token_measured"), WithinRel(flops, 1e-12));
  // Ten records, at 0, 2, ..., 18; of the last half five, from 10 on.
  const std::vector<double> dropped = file.all_values("dropped"),
                            asked = file.all_values("assignments");
  double mean = 0;
  for (std::size_t row = 5; row < 10; ++row)
    mean +=
        100 * (dropped[2 * row] + dropped[2 * row + 1]) / (asked[2 * row] + asked[2 * row + 1]) / 5;
  CHECK(mean > 10);
  CHECK_THAT(number(file, "train_drops_percent"), WithinRel(mean, 1e-12));
}

TEST_CASE("totals: a run that was taken up again goes on counting", "[train][resume]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "run");
  double before = 0, drops = 0;
  {
    Kept first(kDropping, folder / "run");
    first.recorder->file().attribute("flops_per_token", 1000.0);
    StopAfter stop(12);
    REQUIRE(first.trainer->run({first.recorder.get(), &first.checkpointer, &stop}) == End::stopped);
    first.checkpointer.write("");
    before = number(first.recorder->file(), "wall_seconds");
    drops = number(first.recorder->file(), "train_drops_percent");
  }
  Kept second(kDropping, folder / "run");
  second.recorder->file().attribute("flops_per_token", 1000.0);
  REQUIRE(second.resume());
  CHECK(number(second.recorder->file(), "train_drops_percent") == drops);
  // Written again as it was.
  CHECK(number(second.recorder->with_totals(), "wall_seconds") == before);
  CHECK(number(second.recorder->with_totals(), "train_flops") ==
        1000.0 * static_cast<double>(second.trainer->position().step) * 8 * 16);
  second.finish();
  const RunFile& file = second.recorder->with_totals();
  CHECK_THAT(number(file, "train_seconds"), WithinRel(seconds(file), 1e-12));
  CHECK(number(file, "wall_seconds") > before);
  CHECK(number(file, "train_flops") == 1000.0 * 20 * 8 * 16);

  Training straight(kDropping, 1);
  straight.recorder->file().attribute("flops_per_token", 1000.0);
  straight.run();
  CHECK(number(file, "flops_per_token_measured") ==
        number(straight.recorder->with_totals(), "flops_per_token_measured"));
  CHECK(number(file, "train_drops_percent") ==
        number(straight.recorder->file(), "train_drops_percent"));
}

TEST_CASE("totals: records of an earlier build are labelled, and what it did not count is absent",
          "[train][resume]") {
  Training training(kDropping, 1);
  training.run();
  RunFile earlier;
  for (const Variable& variable : training.recorder->file().variables()) {
    if (variable.name == "record" || variable.name == "eval") continue;
    if (variable.name == "rows_per_token") continue;
    Variable kept = variable;
    kept.long_name = "as it was called", kept.description = "";
    earlier.put(kept);
  }
  Training next(kDropping, 1);
  next.recorder->file().attribute("flops_per_token", 1000.0);
  next.recorder->restore(earlier);
  const RunFile& file = next.recorder->with_totals();
  CHECK(file.find("record")->values == earlier.find("record_step")->values);
  CHECK(file.find("eval")->values == std::vector<double>{0, 10, 20});
  CHECK(file.find("loss")->long_name == "training loss");
  CHECK(file.attributes().count("train_seconds") == 0);
  CHECK(file.attributes().count("wall_seconds") == 0);
  CHECK(file.attributes().count("train_flops") == 0);
  CHECK(file.attributes().count("flops_per_token_measured") == 0);
  const Variable& rows = *file.find("rows_per_token");
  CHECK(rows.shape == std::vector<std::int64_t>{10, 2});
  CHECK(std::all_of(rows.values.begin(), rows.values.end(),
                    [](double value) { return std::isnan(value); }));
  CHECK(file.find("eval_rows_per_token")->values.size() == 3 * 2);
  CHECK(file.bytes().size() > 1000);  // dimensions hold
}

}  // namespace
}  // namespace moesim::testing
