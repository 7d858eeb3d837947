// Tests that an extended run has the bits of one trained in one go.
#include "sim/checkpoint/records.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

Checkpointer::Beginning end_of(const TemporaryFolder& folder, index steps) {
  return {folder / "", "config", steps};
}

// Trains `steps` steps, then `all` in another folder from there, and compares with one go.
void check_extended(Values values, const std::string& steps, const std::string& all,
                    const Values& more = {}) {
  const TemporaryFolder shorter, longer, straight;
  const index end = std::stoll(steps);
  Kept first(with(values, {"run.steps", steps}), shorter / "");
  first.finish();
  first.checkpointer.write("");
  values = with(with(values, {"run.steps", all}), more);
  Kept second(values, longer / "");
  second.checkpointer.go_on_from(end_of(shorter, end));
  CHECK(second.trainer->position().step == end);
  CHECK(checkpoint_steps(longer / "") == std::vector<index>{end});
  second.finish();
  second.checkpointer.write("");
  {  // Stopped before its first step, the run still records its origin.
    Kept stopped(values, longer / "");
    REQUIRE(stopped.resume());
    CHECK(stopped.recorder->file().text("extended_from") ==
          std::filesystem::path(shorter / "x").parent_path().filename().string());
  }
  Kept whole(values, straight / "");
  whole.finish();
  CHECK(second.fingerprint() == whole.fingerprint());
  CHECK(second.recorder->file().find("eval_step")->shape ==
        whole.recorder->file().find("eval_step")->shape);
  second.recorder->file().publish(longer / "run.h5");
  whole.recorder->file().publish(straight / "run.h5");
  const RunFile one = read_run_file(longer / "run.h5"), other = read_run_file(straight / "run.h5");
  for (const Variable& variable : other.variables()) {
    CAPTURE(variable.name);
    REQUIRE(one.find(variable.name) != nullptr);
    if (variable.name != "seconds")
      CHECK(std::equal(variable.values.begin(), variable.values.end(),
                       one.find(variable.name)->values.begin(),
                       [](double a, double b) { return a == b || (a != a && b != b); }));
  }
  // Killed later, it goes on from its own checkpoint.
  Kept again(values, longer / "");
  REQUIRE(again.resume());
  CHECK(again.fingerprint() == second.fingerprint());
}

// 256 experts in 2 layers: 16 rows of demand are a block.
const Values kBlocks = {"moe.experts",    "256",     "expert.hidden", "2", "model.width",  "8",
                        "data.length",    "8",       "train.batch",   "4", "model.layers", "2",
                        "train.schedule", "constant"};

TEST_CASE("extend: a constant rate, whenever the shorter run was evaluated", "[train][extend]") {
  for (const char* every : {"0", "2", "3"}) {
    CAPTURE(every);
    check_extended({"train.schedule", "constant", "train.warmup", "8", "model.dropout", "0.1",
                    "eval.every", every, "record.every", "2", "router.name", "token_choice",
                    "router.token_choice.k", "2", "data.domains", "2"},
                   "6", "11");
  }
}

TEST_CASE("extend: a cosine that begins again where it ended", "[train][extend]") {
  const Values values = {"train.rate_min", "1e-4", "train.warmup", "2", "eval.every", "4"};
  check_extended(values, "6", "12", {"train.restarts", "6"});
  check_extended(with(values, {"train.restarts", "3"}), "6", "12", {"train.restarts", "3 6"});
}

TEST_CASE("extend: finished blocks come along, and an evaluation leaves one", "[train][extend]") {
  // The 16th evaluation, at step 29, fills a block and is none of 40 steps.
  check_extended(with(kBlocks, {"eval.every", "2"}), "29", "40");
  check_extended(with(kBlocks, {"eval.every", "0", "record.every", "1"}), "33", "35");
}

TEST_CASE("extend: what cannot be gone on from is named, and nothing is touched",
          "[train][extend]") {
  const Values values = {"train.schedule", "constant", "run.steps", "4"};
  const TemporaryFolder shorter, longer;
  {
    Kept first(values, shorter / "");
    first.finish();
    first.checkpointer.write("");
  }
  const auto error = [&](const Values& more, const Checkpointer::Beginning& beginning) {
    Kept second(with(with(values, {"run.steps", "8"}), more), longer / "");
    try {
      second.checkpointer.go_on_from(beginning);
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(error({}, end_of(shorter, 3)), contains("no checkpoint of step 3 to continue from"));
  CHECK_THAT(error({}, {shorter / "", "another config", 4}), contains("(it has none)"));
  CHECK_THAT(error({"expert.hidden", "48"}, end_of(shorter, 4)), contains("expected F"));
  CHECK_THAT(error({"train.not_finite", "rewind", "checkpoint.every", "3"}, end_of(shorter, 4)),
             contains("step 4 of") && contains("is none"));
  CHECK(error({"train.not_finite", "rewind", "checkpoint.every", "2"}, end_of(shorter, 4)) ==
        "no error");
  const std::string weights = shorter / "checkpoint/step-000000004/weights.safetensors";
  std::string bytes = read_bytes(weights);
  bytes.back() ^= 1;
  write_bytes(weights, bytes);
  CHECK_THAT(error({}, end_of(shorter, 4)), contains("SHA-256") || contains("damaged"));
}

std::string rates_or_error(const Values& values, index steps) {
  Settings settings;
  for (std::size_t i = 0; i < values.size(); i += 2)
    settings.set("train." + values[i], values[i + 1], "test");
  Options options(settings, "train");
  try {
    std::string text;
    const Schedule schedule(options, steps);
    for (index step = 0; step < steps; ++step) {
      char number[32];
      std::snprintf(number, sizeof number, "%s%.4f", step > 0 ? " " : "", schedule.rate(step));
      text += number;
    }
    return text;
  } catch (const Error& error) {
    return error.what();
  }
}

TEST_CASE("schedule: warm restarts by hand", "[train][extend]") {
  // floor + (1 + cos(π s / n)) / 2 · (peak - floor), anew at step 2; with warm-up from the floor.
  CHECK(rates_or_error({"rate", "1", "restarts", "2"}, 6) ==
        "1.0000 0.5000 1.0000 0.8536 0.5000 0.1464");
  CHECK(rates_or_error({"rate", "1", "rate_min", "0.2", "warmup", "1", "restarts", "3"}, 6) ==
        "0.5000 1.0000 0.6000 0.6000 1.0000 0.6000");
  CHECK(rates_or_error({"rate", "1", "schedule", "wsd", "decay_share", "0.5", "restarts", "4"},
                       8) == "1.0000 1.0000 1.0000 0.5000 1.0000 1.0000 1.0000 0.5000");
  CHECK(rates_or_error({"rate", "1", "restarts", "2 1"}, 6) ==
        "test: train.restarts = 2 1: 1 is out of order; write ascending steps between 0 and "
        "run.steps = 6");
  CHECK(rates_or_error({"rate", "1", "restarts", "2x"}, 6) ==
        "test: train.restarts = 2x: write steps separated by spaces, e.g. 300 600");
}

TEST_CASE("schedule: which of two has the rates of the other", "[train][extend]") {
  const auto continues = [](const Values& longer, index steps, const Values& shorter, index end) {
    const auto schedule = [](const Values& values, index n) {
      Settings settings;
      for (std::size_t i = 0; i < values.size(); i += 2)
        settings.set("train." + values[i], values[i + 1], "test");
      Options options(settings, "train");
      return Schedule(options, n);
    };
    const Schedule one = schedule(longer, steps), other = schedule(shorter, end);
    bool same = true;  // by their rates
    for (index step = 0; step < end; ++step) same = same && one.rate(step) == other.rate(step);
    CHECK((!one.continues(other) || same));  // never claimed where it does not hold
    return one.continues(other);
  };
  const Values constant = {"schedule", "constant", "warmup", "3"};
  CHECK(continues(constant, 20, constant, 10));
  CHECK(continues(constant, 20, constant, 2));
  CHECK_FALSE(continues(constant, 10, constant, 20));
  CHECK_FALSE(continues({"schedule", "constant"}, 20, constant, 10));
  CHECK_FALSE(continues({}, 20, {}, 10));
  CHECK_FALSE(continues({"schedule", "wsd"}, 20, {"schedule", "wsd"}, 10));
  CHECK(continues({"schedule", "wsd", "restarts", "10"}, 20, {"schedule", "wsd"}, 10));
  CHECK_FALSE(continues({"schedule", "wsd", "restarts", "10"}, 20, {"schedule", "cosine"}, 10));
  CHECK_FALSE(continues({"schedule", "wsd", "restarts", "10"}, 20,
                        {"schedule", "wsd", "decay_form", "root"}, 10));
  CHECK(continues({"restarts", "10"}, 20, {}, 10));
  CHECK_FALSE(continues({"restarts", "9"}, 20, {}, 10));
  CHECK(continues({"restarts", "5 10"}, 20, {"restarts", "5"}, 10));
  CHECK_FALSE(continues({"restarts", "10"}, 20, {"restarts", "5"}, 10));
  CHECK(continues({"rate", "1", "rate_min", "1"}, 20, {"rate", "1", "rate_min", "1"}, 10));
  CHECK(continues({"warmup", "12"}, 20, {"warmup", "12"}, 10));  // all of it is warm-up
}

}  // namespace
}  // namespace moesim::testing
