// Gathers the runs of a figure: reads the run files, groups them into arms, and selects the arms
// that are shown.
#pragma once

#include "analysis/figures/build.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Gathered holds the outcomes that were read and the arms that are shown. The arms point into
// `loaded`.
struct Gathered {
  Loaded loaded;
  std::vector<Arm> arms;
  std::vector<std::string> brief;  // the name of each arm in legends and titles
  std::vector<std::string> notes;

  std::size_t place(const Outcome* run) const {
    return static_cast<std::size_t>(run - loaded.outcomes.data());
  }
  // Returns the arm's index among the shown arms: its style in every figure of these runs.
  std::size_t style(const Arm& arm) const { return static_cast<std::size_t>(&arm - arms.data()); }
  // Returns the legend entry of one of `arms`: "soft (leaks)".
  std::string legend_name(const Arm& arm) const {
    return arm.leaks ? brief[style(arm)] + " (leaks)" : brief[style(arm)];
  }
};

// Reads the runs of `request`; calls `visit` for each with the variables of `more`. Throws
// Exit::usage for an arm or a seed that does not exist, and Exit::data if no run is complete.
Gathered gather(const Request& request, const FigureOptions& options, const Excerpt& more,
                const Visit& visit);

// Keeps the first `most` arms; adds a note that names the others.
void limit_arms(Gathered& gathered, std::size_t most);

// Adds the note "WHAT: a, b"; adds nothing if `names` is empty.
void add_list(std::vector<std::string>& notes, const std::string& what,
              const std::vector<std::string>& names);

// Largest number of rows read of a variable over evaluations or records: the last ones.
inline constexpr std::int64_t kMostRows = std::int64_t{1} << 20;

}  // namespace moesim
