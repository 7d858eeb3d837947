// Tests traces: that they agree with the record of the same step for every router, with the plan
// that was executed, over micro-batches, and after a stop.
#include "sim/core/error.hpp"
#include "sim/moe/variants.hpp"
#include "sim/record/trace_check.hpp"
#include "sim/train/checkpointer.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;
using Doubles = std::vector<double>;

const Texts kTraced = {"record.trace", "true", "record.trace_every", "1", "run.steps",        "3",
                       "eval.every",   "0",    "data.domains",       "2", "train.accumulate", "2"};

// The settings of a variant of a router, for a training.
Texts settings_of(const std::string& router, const Variant& variant) {
  Texts values = kTraced;
  for (const char* word : {"router.name", router.c_str()}) values.emplace_back(word);
  if (!variant.causal)
    for (const char* word : {"task.name", "masked_lm"}) values.emplace_back(word);
  std::istringstream words(variant.settings);
  for (std::string setting; words >> setting;) {
    const std::size_t at = setting.find('=');
    values.push_back("router." + router + "." + setting.substr(0, at));
    values.push_back(setting.substr(at + 1));
  }
  return values;
}

// Doubles of `name`, which must be in memory.
const Doubles& values_of(const RunFile& file, const std::string& name) {
  REQUIRE(file.find(name) != nullptr);
  REQUIRE(file.find(name)->blocks.empty());
  return file.find(name)->values;
}

Doubles part(const Doubles& all, std::size_t first, std::size_t count) {
  REQUIRE(first + count <= all.size());
  const auto from = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

// Compares all traces with the records of their steps. -> the number of rows
std::size_t check_traces(const RunFile& file) {
  const auto layers = static_cast<std::size_t>(file.find("trace_begin")->shape[1]),
             bounds = static_cast<std::size_t>(file.find("trace_begin")->shape[2]);
  const Doubles &steps = values_of(file, "trace_step"), &begin = values_of(file, "trace_begin");
  REQUIRE(steps == values_of(file, "record_step"));
  for (std::size_t i = 0; i < steps.size() * layers; ++i) {
    TracedLayer one{.step = static_cast<std::int64_t>(i / layers),
                    .layer = static_cast<std::int64_t>(i % layers),
                    .begin = part(begin, i * bounds, bounds),
                    .served = {},
                    .demand = part(values_of(file, "demand"), i * (bounds - 1), bounds - 1),
                    .load = part(values_of(file, "load"), i * (bounds - 1), bounds - 1),
                    .dropped = values_of(file, "dropped")[i]};
    const auto first = static_cast<std::size_t>(one.begin.front());
    one.served = part(values_of(file, "trace_served"), first,
                      static_cast<std::size_t>(one.begin.back()) - first);
    check_trace(one);
  }
  return values_of(file, "trace_token").size();
}

using ServedRow = std::tuple<std::int32_t, std::int32_t, float>;  // expert, token, gate

// The rows that a plan executes.
std::multiset<ServedRow> rows_of(const Assignment& plan) {
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host(),
                                  token = plan.token.to_host();
  const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>();
  std::multiset<ServedRow> rows;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i)
      rows.insert(
          {static_cast<std::int32_t>(e), token[i], gate.empty() ? 1 : static_cast<float>(gate[i])});
  return rows;
}

}  // namespace

TEST_CASE("traces: agree with demand, load and drops of their steps, for every router and variant",
          "[train][trace]") {
  std::size_t trained = 0, with_drops = 0;
  std::set<std::string> with_rows;
  for (const std::string& router : Registry<Router>::names()) {
    std::vector<Variant> variants = variants_of(router);
    variants.insert(variants.begin(), {"defaults", "", true});
    for (const Variant& variant : variants) {
      CAPTURE(router, variant.name);
      std::unique_ptr<Training> training;
      try {
        training = std::make_unique<Training>(settings_of(router, variant), 1);
      } catch (const Error&) {
        continue;  // not for this data or task
      }
      training->run();
      const RunFile& file = training->recorder->file();
      ++trained;
      if (file.text("trace_rows") != "tokens") {
        CHECK(values_of(file, "trace_token").empty());
        continue;
      }
      CHECK(check_traces(file) > 0);
      with_rows.insert(router);
      const Doubles& dropped = values_of(file, "dropped");
      if (std::any_of(dropped.begin(), dropped.end(), [](double n) { return n > 0; })) ++with_drops;
      // Every token id is that of the batch, and every token is within the step's batch.
      for (const double token : values_of(file, "trace_token"))
        REQUIRE((token >= 0 && token < 128));
      CHECK(values_of(file, "trace_token_id").size() == 3 * 128);
      CHECK(values_of(file, "trace_domain").size() == 3 * 128);
    }
  }
  CHECK(trained > 80);
  CHECK(with_drops > 15);
  CHECK(with_rows.size() > 15);
}

TEST_CASE("traces: what is served is what the plan executes, with its gates", "[train][trace]") {
  for (const std::string& router : Registry<Router>::names())
    for (const Variant& variant : variants_of(router)) {
      CAPTURE(router, variant.name);
      std::unique_ptr<Training> training;
      try {
        training = std::make_unique<Training>(settings_of(router, variant), 1);
      } catch (const Error&) {
        continue;
      }
      const StepBatch batch(*training->data, *training->task, training->backend, 0, {8, 1, 0}, {});
      MicroBatch micro = batch.micro_batch(0);
      std::vector<std::multiset<ServedRow>> executed;
      micro.context.on_routing = [&](index, const Routing& routing) {
        const auto* plan = std::get_if<Assignment>(&routing.plan);
        executed.push_back(plan != nullptr && plan->token ? rows_of(*plan)
                                                          : std::multiset<ServedRow>());
      };
      TraceMonitor monitor(*training->model);
      monitor.attach(micro.context, micro.example);
      std::vector<Loss> losses;
      training->model->forward(micro.example.input, micro.context, losses);
      const StepTrace trace = monitor.take();
      REQUIRE(trace.layers.size() == executed.size());
      for (std::size_t i = 0; i < executed.size(); ++i) {
        std::multiset<ServedRow> served;
        for (const TraceRow& row : trace.layers[i].rows)
          if (row.served) served.insert({row.expert, row.token, row.gate});
        CHECK((served == executed[i]));
      }
    }
}

TEST_CASE("traces: the first C rows of an expert and group are served", "[train][trace]") {
  for (const char* fill : {"token", "choice", "priority", "random", "gate"})
    for (const char* group : {"sequence", "batch"}) {
      CAPTURE(fill, group);
      Texts values = kTraced;
      for (const char* word :
           {"router.name", "token_choice", "router.token_choice.k", "2",
            "router.token_choice.capacity_factor", "0.6", "router.token_choice.fill", fill,
            "router.token_choice.group", group})
        values.emplace_back(word);
      Training training(values, 1);
      training.run();
      const RunFile& file = training.recorder->file();
      const Doubles &begin = values_of(file, "trace_begin"),
                    &token = values_of(file, "trace_token"),
                    &served = values_of(file, "trace_served");
      // Sequences of 16 tokens, passes of 64: ⌈0.6 · 2 · n / 4⌉ rows.
      const bool by_sequence = std::string(group) == "sequence";
      const int size = by_sequence ? 16 : 64, places = by_sequence ? 5 : 20;
      std::size_t dropped = 0;
      for (std::size_t i = 0; i + 1 < begin.size(); ++i) {
        std::map<int, int> taken;
        for (auto row = static_cast<std::size_t>(begin[i]);
             row < static_cast<std::size_t>(begin[i + 1]); ++row) {
          const int group_of_row = static_cast<int>(token[row]) / size;
          REQUIRE((served[row] == 1) == (taken[group_of_row]++ < places));
          dropped += served[row] == 0 ? 1 : 0;
        }
      }
      CHECK(dropped > 0);
    }
}

TEST_CASE("traces: change nothing else, and a stop changes no trace", "[train][trace]") {
  Texts off = kTraced;
  off[1] = "false";
  Training with(kTraced, 1), without(off, 1);
  with.run(), without.run();
  const auto all = [](const RunFile& file, bool traces) {
    std::map<std::string, Doubles> values;
    for (const Variable& variable : file.variables())
      if (variable.name != "seconds" && variable.name.starts_with("trace_") == traces)
        values[variable.name] = variable.values;
    return values;
  };
  CHECK(all(with.recorder->file(), false) == all(without.recorder->file(), false));
  CHECK(all(without.recorder->file(), true).empty());

  const TemporaryFolder folder;
  {
    Training first(kTraced, 1);
    Checkpointer checkpointer(first.settings, *first.trainer, *first.recorder);
    checkpointer.keep_at(folder / "", "config", "data");
    StopBefore stop(2);
    REQUIRE(first.trainer->run({first.recorder.get(), &checkpointer, &stop}) == End::stopped);
    checkpointer.write("");
  }
  Training second(kTraced, 1);
  Checkpointer checkpointer(second.settings, *second.trainer, *second.recorder);
  checkpointer.keep_at(folder / "", "config", "data");
  REQUIRE(checkpointer.resume([](const std::string&) {}));
  second.trainer->run({second.recorder.get(), &checkpointer});
  CHECK(all(second.recorder->file(), true) == all(with.recorder->file(), true));
  CHECK(second.recorder->file().attributes().at("trace_k_max") ==
        with.recorder->file().attributes().at("trace_k_max"));
}

TEST_CASE("traces: end before the step that would pass record.trace_bytes, also after a stop",
          "[train][trace]") {
  // Rows of the default router (k = 1): one per token and layer, 10 bytes each.
  Training whole(kTraced, 1);
  whole.run();
  const auto rows = static_cast<index>(values_of(whole.recorder->file(), "trace_token").size());
  const index layers = whole.recorder->file().find("trace_begin")->shape[1];
  const index bytes = rows * 10 + 3 * (8 + layers * 5 * 8 + 2 * 4 * 128);
  const auto traced = [&](index most) {
    Texts values = kTraced;
    values.insert(values.end(), {"record.trace_bytes", std::to_string(most)});
    Training training(values, 1);
    training.run();
    const RunFile& file = training.recorder->file();
    return std::pair(values_of(file, "trace_step").size(), file.attributes().contains("trace_end"));
  };
  CHECK(traced(bytes) == std::pair(std::size_t{3}, false));
  CHECK(traced(bytes - 1) == std::pair(std::size_t{2}, true));
  CHECK(traced(0) == std::pair(std::size_t{0}, true));
}

TEST_CASE("traces: ten of a training by default, at recorded steps", "[train][trace]") {
  const auto steps = [](const char* all, const char* every) {
    Training training({"record.trace", "true", "run.steps", all, "record.every", every}, 1);
    std::vector<index> traced;
    for (index step = 0; step < training.trainer->steps(); ++step)
      if (training.recorder->wants_trace(step)) traced.push_back(step);
    return traced;
  };
  CHECK(steps("300", "10") == std::vector<index>{0, 30, 60, 90, 120, 150, 180, 210, 240, 270});
  CHECK(steps("20", "10") == std::vector<index>{0, 2, 4, 6, 8, 10, 12, 14, 16, 18});
  CHECK(steps("4", "1") == std::vector<index>{0, 1, 2, 3});
}

}  // namespace moesim::testing
