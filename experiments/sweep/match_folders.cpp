#include "experiments/sweep/match_folders.hpp"

#include "experiments/sweep/recorded_runs.hpp"
#include "experiments/sweep/run_state.hpp"
#include "experiments/sweep/version.hpp"
#include "sim/config/resolved.hpp"
#include "sim/core/error.hpp"
#include "sim/record/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace moesim {
namespace {

using Values = std::map<std::string, std::string>;

// True unless the folder's contents contradict the identity in its name.
bool may_hold(const std::string& folder, const RunState& state, const PlannedRun& run) {
  if (!state.config_sha256.empty())
    return state.config_sha256 == run.config_sha256 && state.data_sha256 == run.data_sha256;
  if (run.resolved.empty()) return true;
  const Values recorded = recorded_values(folder);
  return recorded.empty() || recorded == config::resolved_values(run.resolved);
}

// Orders the folders of one run: the better one is greater.
auto rank(const RunState& state) {
  static constexpr State kOrder[] = {State::planned,     State::failed,  State::made,
                                     State::interrupted, State::running, State::diverged,
                                     State::complete};
  const auto* place = std::find(std::begin(kOrder), std::end(kOrder), state.state);
  return std::tuple(place - std::begin(kOrder), state.step);
}

// Selects the best of several folders for a run.
void choose(PlannedRun& run, const std::vector<std::string>& names, const std::string& experiment,
            std::vector<std::string>& notes) {
  struct Candidate {
    std::string name;
    RunState state;
  };
  std::vector<Candidate> candidates;
  for (const std::string& name : names) {
    const std::string folder = experiment + "/" + name;
    RunState state = state_of(folder);
    if (may_hold(folder, state, run)) candidates.push_back({name, std::move(state)});
  }
  if (candidates.empty()) return;
  // Among equals, prefer the one with the current label.
  const auto best = std::max_element(candidates.begin(), candidates.end(),
                                     [&](const Candidate& a, const Candidate& b) {
                                       return std::tuple(rank(a.state), a.name == run.folder) <
                                              std::tuple(rank(b.state), b.name == run.folder);
                                     });
  std::vector<std::string> others;
  for (const Candidate& candidate : candidates)
    if (&candidate != &*best) others.push_back(candidate.name);
  run.folder = best->name;
  if (!others.empty())
    notes.push_back(fmt::format("{}: {}, which is {}, holds the same run as {}; it is used",
                                experiment, best->name, to_string(best->state.state),
                                joined(others)));
}

// Returns true if two configs agree in the options that both have, and this run has the default of
// every option that the other config lacks: another value of it is another arm, whatever version
// has trained the other one. An option that this program knows and leaves out at its default has
// another value in a config that contains it. If a plug-in differs, the option that names it does
// too.
bool agree(const PlannedRun& run, const Values& now, const Values& then) {
  const auto is_default = [&](const auto& entry) {
    return std::none_of(run.options.begin(), run.options.end(), [&](const PlannedOption& option) {
      return option.key == entry.first && option.default_value != entry.second;
    });
  };
  const auto is_known = [&](const auto& entry) {
    return std::any_of(run.options.begin(), run.options.end(),
                       [&](const PlannedOption& option) { return option.key == entry.first; });
  };
  for (const auto& entry : now)
    if (const auto other = then.find(entry.first);
        other == then.end() ? !is_default(entry) : other->second != entry.second)
      return false;
  return std::none_of(then.begin(), then.end(), [&](const auto& entry) {
    return !now.contains(entry.first) && is_known(entry);
  });
}

std::string first_difference(const Values& now, const Values& then) {
  for (const auto& [key, value] : now)
    if (!then.contains(key)) return "has no " + key;
  for (const auto& [key, value] : then)
    if (!now.contains(key)) return "has " + key;
  return {};
}

// The version and revision of moesim that made a run; empty if unknown.
struct Origin {
  std::string version, revision;
};

Origin origin_of(const std::string& folder) {
  try {
    const RunFile file = RunReader().read(folder + "/run.h5", {{"version", "git"}, {}});
    return {file.text("version"), file.text("git")};
  } catch (const Error&) {
    return {};
  }
}

bool is_this_program(const Origin& origin) {
  return origin.version == version() && origin.revision == git_revision();
}

// Returns "moesim 0.2.0", with its revision if this program has the same version.
std::string name_of(const Origin& origin) {
  if (origin.version.empty()) return "a moesim of unknown version";
  return origin.version == version()
             ? fmt::format("moesim {} ({})", origin.version, origin.revision)
             : "moesim " + origin.version;
}

// A folder without a run in the plan, and its config.ini.
struct Unused {
  std::string name;
  Values values;
  std::string keys;  // the keys; equal for runs of one version with the same plug-ins
};

// Leaves out train.restarts, which a config contains only if it is set.
std::string keys_of(const Values& values) {
  std::string keys;
  for (const auto& [key, value] : values)
    if (key != "train.restarts") keys += key + "\n";
  return keys;
}

std::string value_of(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

std::vector<Unused> unused_folders(const Plan& plan, const std::string& experiment,
                                   const std::vector<std::string>& names) {
  std::set<std::string> used;
  for (const PlannedRun& run : plan.runs) used.insert(run.folder);
  std::vector<Unused> unused;
  for (const std::string& name : names) {
    if (used.contains(name)) continue;
    Values values = recorded_values(experiment + "/" + name);
    std::string keys = keys_of(values);
    if (!values.empty()) unused.push_back({name, std::move(values), std::move(keys)});
  }
  return unused;
}

// Notes runs without a folder that a version with other options has begun.
void note_older(const Plan& plan, const std::string& experiment,
                const std::vector<std::string>& names, std::vector<std::string>& notes) {
  const std::set<std::string> there(names.begin(), names.end());
  const auto is_new = [&](const PlannedRun& run) {
    return !there.contains(run.folder) && !run.resolved.empty();
  };
  if (std::none_of(plan.runs.begin(), plan.runs.end(), is_new)) return;
  const std::vector<Unused> unused = unused_folders(plan, experiment, names);
  std::size_t count = 0;
  std::string example;
  for (const PlannedRun& run : plan.runs) {
    if (unused.empty() || !is_new(run)) continue;
    const Values now = config::resolved_values(run.resolved);
    const std::string keys = keys_of(now);
    Origin origin;  // of the folder that is found
    const auto found = std::find_if(unused.begin(), unused.end(), [&](const Unused& folder) {
      for (const char* key : {"run.seed", "router.name"})
        if (value_of(now, key) != value_of(folder.values, key)) return false;
      if (folder.keys == keys || !agree(run, now, folder.values)) return false;
      origin = origin_of(experiment + "/" + folder.name);
      return !is_this_program(origin);
    });
    if (found == unused.end()) continue;
    if (count++ == 0)
      example = fmt::format("{} is of {}, which {}", found->name, name_of(origin),
                            first_difference(now, found->values));
  }
  if (count > 0)
    notes.push_back(fmt::format(
        "{}: {} of these runs {} there with the options of another version ({}; this is moesim "
        "{}): they are kept, and trained again in new folders",
        experiment, count, count == 1 ? "is" : "are", example, version()));
}

}  // namespace

std::vector<std::string> match_folders(Plan& plan, const std::string& experiment) {
  std::vector<std::string> notes;
  const std::vector<std::string> names = folders_of(experiment);
  if (names.empty()) return notes;
  std::map<std::string, std::vector<std::string>> by_hash;
  for (const std::string& name : names)
    if (std::string hash = hash_of_folder(name); !hash.empty()) by_hash[hash].push_back(name);
  for (PlannedRun& run : plan.runs) {
    const auto found = by_hash.find(hash_of_folder(run.folder));
    if (found == by_hash.end()) continue;
    const std::vector<std::string>& same = found->second;
    if (same.size() > 1 || same.front() != run.folder) choose(run, same, experiment, notes);
  }
  note_older(plan, experiment, names, notes);
  return notes;
}

}  // namespace moesim
