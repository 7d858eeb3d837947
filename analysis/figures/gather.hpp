// What all figures do first: read the runs, find their arms, choose those that are shown.
#pragma once

#include "analysis/figures/build.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Arms point into the runs that were read.
struct Gathered {
  Loaded loaded;
  std::vector<Arm> arms;
  std::vector<std::string> brief;  // the name of each arm in legends and titles
  std::vector<std::string> notes;

  std::size_t place(const Outcome* run) const {
    return static_cast<std::size_t>(run - loaded.outcomes.data());
  }
  // One for each arm that is shown, the same in all figures of these runs.
  std::size_t style(const Arm& arm) const { return static_cast<std::size_t>(&arm - arms.data()); }
  // "soft (leaks)": the name of one of `arms` in a legend.
  std::string legend_name(const Arm& arm) const {
    return arm.leaks ? brief[style(arm)] + " (leaks)" : brief[style(arm)];
  }
};

// Throws Exit::usage for an arm or a seed that is not there, and Exit::data if no run is complete.
Gathered gather(const Request& request, const FigureOptions& options, const Excerpt& more,
                const Visit& visit);

// The shown arms, at most `most`: a note says which are left out.
void limit_arms(Gathered& gathered, std::size_t most);

// "WHAT: a, b", unless there is nothing to list.
void add_list(std::vector<std::string>& notes, const std::string& what,
              const std::vector<std::string>& names);

// Of evaluations and records; more are read from the end.
inline constexpr std::int64_t kMostRows = std::int64_t{1} << 20;

}  // namespace moesim
