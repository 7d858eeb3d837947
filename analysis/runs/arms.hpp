// Arm is a group of runs that differ only in their seed: one row of a comparison.
//
// Arm names are derived when a table is made. The label stored in a run names only the settings
// that varied in the sweep that trained it.
#pragma once

#include "analysis/runs/outcome.hpp"
#include "analysis/statistics/difference.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace moesim {

struct Arm {
  std::string name;                                  // unique among the arms
  std::map<std::string, std::string> settings = {};  // see Outcome::settings
  // Pointers into the outcomes passed to arms_of.
  std::vector<const Outcome*> runs = {};      // all, in order
  std::vector<const Outcome*> complete = {};  // complete runs, one per seed
  std::vector<const Outcome*> repeats = {};   // further complete runs of a seed in `complete`
  bool leaks = false;                         // some token's output depends on later tokens
  bool leaks_from = false;                    // some output at a position >= eval.from does

  // Number of seeds with a diverged run; a run without a seed counts as one.
  std::size_t diverged() const;
  // Losses of the complete runs, by seed; runs without a loss are left out.
  BySeed losses() const;
  // Losses of all complete runs, including those that record no seed.
  Sample loss() const;
};

// Extracts a number from a run; NaN if the run does not have it.
using ValueOf = std::function<double(const Outcome&)>;

// Returns the values of these runs, without NaN.
std::vector<double> values_of(const std::vector<const Outcome*>& runs, const ValueOf& value);
BySeed by_seed(const Arm& arm, const ValueOf& value);

// Returns the difference of the means of two arms: paired by seed if they share two seeds or more,
// else unpaired over all complete runs.
Difference difference_of(const Arm& arm, const Arm& baseline, const ValueOf& value);
Difference difference_in_loss(const Arm& arm, const Arm& baseline);

// Groups runs into arms, in the order of their first run. Two runs belong to one arm if their data
// have the same hash and their configs agree in everything but the seed, the name and settings
// without influence on results; runs without a config are grouped by label. Where one label names
// several arms, the differing settings are appended: "token_choice (train.rate = 1e-07)"; of more
// than four, those that separate most arms. `outcomes` must outlive the arms.
std::vector<Arm> arms_of(const std::vector<Outcome>& outcomes);

// Returns the settings in which these arms differ; an arm may lack a setting that others have.
std::vector<std::string> differing_keys(const std::vector<const Arm*>& arms);

// Returns the arms that match these names or patterns (sim/config/arms.hpp), in the order of
// `arms`; all arms if `names` is empty. A name that contains commas may be passed in parts, as a
// list on the command line is split. Throws Exit::usage with the nearest name for one that matches
// no arm.
std::vector<Arm> arms_named(const std::vector<Arm>& arms, const std::vector<std::string>& names);

// Returns the arm called `name`. If `name` is empty: the arm "dense", else the first whose router
// is dense, else null. Throws Exit::usage with the nearest name for an unknown one.
const Arm* baseline_of(const std::vector<Arm>& arms, const std::string& name);

}  // namespace moesim
