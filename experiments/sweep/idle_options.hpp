// Idle options are options that a config sets and that no run of its sweep uses, because of another
// option: train.decay_share without train.schedule = wsd.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace moesim {

class IdleOptions {
 public:
  // Adds a run: its settings, and the options that it read. Values at their default are not idle.
  void add(const Settings& settings, const std::vector<PlannedOption>& options);
  // A sentence for every option that is idle in all runs that set it.
  std::vector<std::string> notes() const;

 private:
  std::map<std::string, std::string> idle_;  // by key
  std::set<std::string> used_;
};

}  // namespace moesim
