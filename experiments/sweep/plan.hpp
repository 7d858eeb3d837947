// Plan is the list of runs of a sweep, each with everything needed to start or resume it. It is
// stored as plan.json in the experiment's folder, so that a sweep can be resumed without its config
// file.
#pragma once

#include "sim/config/sweep.hpp"
#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

inline constexpr std::int64_t kPlanFormat = 1;  // "moesim_plan" in plan.json
inline constexpr std::uint64_t kMostPlanBytes = std::uint64_t{512} << 20;

// PlannedOption is an option that a run read, with its value.
struct PlannedOption {
  std::string key, value, default_value, help;
};

// PlannedRun is one run of a plan.
struct PlannedRun {
  RunSpec spec;
  std::string folder;  // name of its folder in the experiment's
  std::uint64_t seed = 0;
  std::string config_sha256, data_sha256;
  index steps = 0;  // training steps
  index parameters_total = 0;
  double parameters_active = 0, flops_per_token = 0;
  index hidden = 0;        // expert.hidden after matching (moe.match)
  double least_bytes = 0;  // memory that it needs at least
  // The folder of the finished run that it continues (extension.hpp); "": starts at step 0.
  std::string extends = {};
  // The resolved config, in a plan that was just made; not part of plan.json.
  std::string resolved = {};
  // Sentences that describe its parts, and its options with their values; as `resolved`.
  std::vector<Explained> explained = {};
  std::vector<PlannedOption> options = {};
};

// EarlierRun is a run that an earlier sweep of the experiment planned and the latest one does not.
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

// Adds the runs of `before`, the plan that `plan` replaces, to its list of earlier runs.
void keep_earlier(Plan& plan, const Plan& before);

// The keys in which the settings of these runs differ, separated by commas.
std::string swept_keys(const std::vector<PlannedRun>& runs);

// Builds every run once, so that a mistake in the last one is found before the first one trains;
// the devices need not exist here. It builds in a child process, because this process must stay
// single-threaded to fork workers. `mention`: print notes on stderr about lists, data, options
// without effect and duplicate runs. Throws Exit::usage or Exit::data; Exit::interrupted after a stop signal
// that this process catches (signals.hpp).
Plan make_plan(const std::vector<RunSpec>& specs, int threads, bool mention = true);

// The text of plan.json. `with_resolved`: includes PlannedRun::resolved, to pass a plan to another
// process.
std::string to_json(const Plan& plan, bool with_resolved = false);
// Parses the text of to_json. Throws Exit::data, or an exception of the JSON library.
Plan parse_plan(const std::string& text);
// Reads a plan. Throws Exit::data if the file is not one.
Plan read_plan(const std::string& path);

inline constexpr const char* kPlanFile = "plan.json";

}  // namespace moesim
