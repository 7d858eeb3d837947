// Arm is the runs that differ in nothing but their seed.
//
// What an arm is called is found when a table is made; the label that a run was given when it was
// trained says only what varied in the sweep of that day.
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
  std::map<std::string, std::string> settings = {};  // as Outcome has them
  // Into the outcomes that the arms were made of.
  std::vector<const Outcome*> runs = {};      // all, in order
  std::vector<const Outcome*> complete = {};  // those that are complete, one of each seed
  std::vector<const Outcome*> repeats = {};   // complete as well, of the seed of an earlier one
  bool leaks = false;                         // some token's output depends on later tokens

  // Seeds of which a run diverged; a run without a seed counts as one.
  std::size_t diverged() const;
  // Losses of the complete runs that have one, by seed.
  BySeed losses() const;
  // The same over all complete runs, with those that do not tell their seed.
  Sample loss() const;
};

// A number of a run; NaN where it has none.
using ValueOf = std::function<double(const Outcome&)>;

// The values of these runs, without NaN.
std::vector<double> values_of(const std::vector<const Outcome*>& runs, const ValueOf& value);
BySeed by_seed(const Arm& arm, const ValueOf& value);

// How far the means over two arms are apart: paired over the seeds that both have, where those are
// two or more; else unpaired, over all complete runs.
Difference difference_of(const Arm& arm, const Arm& baseline, const ValueOf& value);
Difference difference_in_loss(const Arm& arm, const Arm& baseline);

// In the order of their first run. Two runs are of one arm if their configs agree in everything but
// seed, name and what changes no result, and their data have one hash; runs without a config go by
// their label. Where one label stands for several arms, the settings that differ are added to it:
// "token_choice (train.rate = 1e-07)"; of more than four, those that tell most arms apart.
// `outcomes` must outlive the arms.
std::vector<Arm> arms_of(const std::vector<Outcome>& outcomes);

// The settings in which these arms do not agree; some may not have a setting that others have.
std::vector<std::string> differing_keys(const std::vector<const Arm*>& arms);

// The arms of these names or patterns (sim/config/arms.hpp), in the order of `arms`; no names: all.
// Names that contain commas may come in parts, as a list on the command line cuts them. Throws
// Exit::usage for a name that no arm has, with the nearest.
std::vector<Arm> arms_named(const std::vector<Arm>& arms, const std::vector<std::string>& names);

// The arm of that name; without a name, the arm "dense", or else the first whose router is dense,
// or null. Throws Exit::usage for a name that no arm has, with the nearest.
const Arm* baseline_of(const std::vector<Arm>& arms, const std::string& name);

}  // namespace moesim
