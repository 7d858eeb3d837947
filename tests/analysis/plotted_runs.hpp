// Makes small run files for tests of figures, and checks values of series.
#pragma once

#include "analysis/figures/build.hpp"
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace moesim::testing {

using Numbers = std::vector<double>;

// What differs between the runs of a test.
struct PlottedRun {
  std::string arm = "a";
  std::int64_t seed = 0;
  double loss = 2;      // at the last evaluation
  double capacity = 1;  // a setting
  double speed = 100;   // tokens per second
  double flops = 10;    // per token
  double leak = 0;
  std::string status = "complete";
  Numbers load = {6, 2, 4, 4};  // of the last evaluation: two layers, two experts
  std::string more = "";        // of the config
  bool drops = true;
  bool uniform = false;  // load of records
  std::string router = "token_choice";
};

// 10 steps of 100 tokens, evaluations after 0, 5 and 10 steps, records of steps 0, 4 and 8.
inline RunFile plotted_run(const PlottedRun& made) {
  RunFile run;
  run.attribute("status", made.status);
  run.attribute("arm", made.arm);
  run.attribute("router", std::string("token_choice"));
  run.attribute("plan_kind", std::string("assignment"));
  run.attribute("seed", made.seed);
  run.attribute("leak", made.leak);
  run.attribute("causal", std::int64_t{1});
  run.attribute("flops_per_token", made.flops);
  run.attribute("data_sha256", std::string("d"));
  run.attribute(
      "config",
      "[run]\nseed = " + std::to_string(made.seed) + "\n[router]\nname = " + made.router +
          (made.router == "dense"
               ? std::string("\n")
               : "\n[router.token_choice]\ncapacity = " + std::to_string(made.capacity) + "\n") +
          "[note]\narm = " + made.arm + "\n" + made.more);
  Numbers steps, tokens, seconds;
  for (int i = 0; i < 10; ++i) {
    steps.push_back(i);
    tokens.push_back(100 * (i + 1));
    seconds.push_back(100 / made.speed);
  }
  run.put(variable("step", Variable::Type::int64, {"step"}, {10}, steps));
  run.put(variable("tokens", Variable::Type::int64, {"step"}, {10}, tokens));
  run.put(variable("seconds", Variable::Type::float64, {"step"}, {10}, seconds));
  run.put(variable("eval_step", Variable::Type::int64, {"eval"}, {3}, {0, 5, 10}));
  run.put(variable("eval_loss", Variable::Type::float64, {"eval"}, {3},
                   {2.5, made.loss + 0.25, made.loss}));
  run.put(variable("layer", Variable::Type::int32, {"layer"}, {2}, {1, 3}));
  run.put(variable("expert", Variable::Type::int32, {"expert"}, {2}, {0, 1}));
  const Numbers& l = made.load;
  Numbers loads = {4, 4, 4, 4, 4, 4, 4, 4};
  loads.insert(loads.end(), l.begin(), l.end());
  run.put(variable("eval_load", Variable::Type::float64, {"eval", "layer", "expert"}, {3, 2, 2},
                   loads));
  run.put(variable("eval_demand", Variable::Type::float64, {"eval", "layer", "expert"}, {3, 2, 2},
                   loads));
  run.put(variable("eval_assignments", Variable::Type::float64, {"eval", "layer"}, {3, 2},
                   {8, 8, 8, 8, l[0] + l[1], l[2] + l[3]}));
  run.put(variable("eval_dropped", Variable::Type::float64, {"eval", "layer"}, {3, 2},
                   {0, 0, 0, 0, 0, 0}));
  run.put(variable("record_step", Variable::Type::int64, {"record"}, {3}, {0, 4, 8}));
  // 2 of 10 and 1 of 10 dropped: 15 %; then none, then 4 and 0: 20 %.
  const Numbers demand =
      made.uniform ? Numbers(12, 5) : Numbers{8, 2, 6, 4, 5, 5, 5, 5, 7, 3, 9, 1};
  const bool drops = made.drops && !made.uniform;
  run.put(variable("load", Variable::Type::float64, {"record", "layer", "expert"}, {3, 2, 2},
                   drops ? Numbers{6, 2, 5, 4, 5, 5, 5, 5, 3, 3, 9, 1} : demand));
  run.put(variable("demand", Variable::Type::float64, {"record", "layer", "expert"}, {3, 2, 2},
                   demand));
  run.put(variable("assignments", Variable::Type::float64, {"record", "layer"}, {3, 2},
                   {10, 10, 10, 10, 10, 10}));
  run.put(variable("dropped", Variable::Type::float64, {"record", "layer"}, {3, 2},
                   drops ? Numbers{2, 1, 0, 0, 4, 0} : Numbers(6)));
  const double half = 0.5 * std::log(2);
  run.put(variable("router_entropy", Variable::Type::float64, {"record", "layer"}, {3, 2},
                   {std::log(2), half, half, half, half, 0}));
  run.put({.name = "domain",
           .type = Variable::Type::text,
           .dims = {"domain"},
           .shape = {2},
           .values = {},
           .texts = {"news", "code"},
           .long_name = "",
           .units = ""});
  run.put(variable("domain_loss", Variable::Type::float64, {"eval", "domain"}, {3, 2},
                   {9, 9, 9, 9, made.loss, made.loss + 1}));
  return run;
}

// Run files in a temporary folder, and the figures of them.
class PlottedRuns {
 public:
  explicit PlottedRuns(const std::vector<PlottedRun>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      request.paths.push_back(folder_ / (std::to_string(i) + ".h5"));
      plotted_run(all[i]).publish(request.paths.back());
    }
  }
  Figure figure(const std::string& name, const FigureOptions& options = {}) const {
    return figure_of(name, request, options);
  }
  std::string problem(Exit code, const std::string& name, const FigureOptions& options) const {
    try {
      figure(name, options);
    } catch (const Error& error) {
      CHECK(error.code() == code);
      return error.what();
    }
    return "";
  }

  Request request;

 private:
  TemporaryFolder folder_;
};

inline void check_numbers(const Numbers& values, const Numbers& expected) {
  CAPTURE(values, expected);
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK_THAT(values[i], WithinAbs(expected[i], 1e-12));
}

inline bool has_note_of(const Figure& figure, const std::string& words) {
  return std::any_of(figure.notes.begin(), figure.notes.end(), [&](const std::string& note) {
    return note.find(words) != std::string::npos;
  });
}

// Of a sweep: seeds 0 and 1 of a, seed 0 of b, which looks ahead.
inline std::vector<PlottedRun> three_plotted_runs() {
  return {{.arm = "a", .seed = 0, .loss = 1.0, .speed = 100, .load = {6, 2, 4, 4}},
          {.arm = "a", .seed = 1, .loss = 1.5, .speed = 300, .load = {1, 3, 8, 0}},
          {.arm = "b", .seed = 0, .loss = 0.5, .leak = 0.25}};
}

}  // namespace moesim::testing
