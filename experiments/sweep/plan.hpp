// What a sweep is to do: its runs, each with all that it takes to start or resume it. Kept as
// plan.json in the experiment's folder, so that a sweep goes on without its config file.
#pragma once

#include "sim/config/sweep.hpp"
#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

struct PlannedRun {
  RunSpec spec;
  std::string folder;  // its name in the experiment's folder
  std::uint64_t seed = 0;
  std::string config_sha256, data_sha256;
  index steps = 0;  // of training
  index parameters_total = 0;
  double parameters_active = 0, flops_per_token = 0;
  index hidden = 0;        // of an expert, after matching
  double least_bytes = 0;  // of memory, below which it cannot train
  // The folder of the finished run that it goes on from (extension.hpp); "": from the start.
  std::string extends = {};
  // Every option, where the plan was made just now; no part of plan.json.
  std::string resolved = {};
};

// A run that an earlier sweep of the experiment planned, and the latest does not.
struct EarlierRun {
  std::string folder, arm;
  std::uint64_t seed = 0;
  index steps = 0;
};

struct Plan {
  std::string experiment;  // run.name
  std::vector<PlannedRun> runs;
  std::vector<EarlierRun> earlier = {};
};

// Keeps the runs of `before`, the plan that this one replaces, in the list of earlier ones.
void keep_earlier(Plan& plan, const Plan& before);

// The keys of which these runs were given different values, with commas between.
std::string swept_keys(const std::vector<PlannedRun>& runs);

// Builds every run once, so that a mistake in the last one does not cost a night; its device need
// not be here. In a child process: this one stays free to start workers. Throws Exit::usage or
// Exit::data.
// `mention`: notes on stderr, of lists, data and runs that are the same.
Plan make_plan(const std::vector<RunSpec>& specs, int threads, bool mention = true);

// `with_resolved`: for a plan that goes from one process to another.
std::string to_json(const Plan& plan, bool with_resolved = false);
// Of to_json's text. Throws Exit::data, or an exception of the JSON library.
Plan parse_plan(const std::string& text);
// Throws Exit::data if the file is none.
Plan read_plan(const std::string& path);

inline constexpr const char* kPlanFile = "plan.json";

}  // namespace moesim
