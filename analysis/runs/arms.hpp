// Arm is the runs that differ in nothing but their seed.
//
// What an arm is called is found when a table is made; the label that a run was given when it was
// trained says only what varied in the sweep of that day.
#pragma once

#include "analysis/runs/outcome.hpp"
#include "analysis/statistics/difference.hpp"

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

  // Last losses of the complete runs, where there are any.
  BySeed losses() const;
};

// In the order of their first run. Two runs are of one arm if their configs agree in everything but
// seed, name and what changes no result, and their data have one hash; runs without a config go by
// their label. Where one label stands for several arms, the settings that differ are added to it:
// "token_choice (train.rate = 1e-07)". `outcomes` must outlive the arms.
std::vector<Arm> arms_of(const std::vector<Outcome>& outcomes);

// The arms of these names, in the order of `arms`; no names: all. Throws Exit::usage for a name
// that no arm has, with the nearest.
std::vector<Arm> arms_named(const std::vector<Arm>& arms, const std::vector<std::string>& names);

}  // namespace moesim
