// Writes the notes of the routers table: caveats that its numbers do not show.
#pragma once

#include "analysis/runs/arms.hpp"
#include "analysis/tables/target.hpp"
#include "sim/core/types.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moesim {

struct RouterNotes {
  enum class About { leak, from, diverged, single, unpaired, target, drops };

  std::vector<std::string> lines;  // one sentence each
  // Index of the line about an arm, by topic and arm name.
  std::map<About, std::map<std::string, std::size_t>> places;

  std::set<std::size_t> about(About what, const std::string& arm) const;
  // Returns the lines that qualify the arm's loss.
  std::set<std::size_t> about_loss(const Arm& arm) const;
  // Returns the lines that qualify the arm's loss from eval.from on.
  std::set<std::size_t> about_loss_from(const Arm& arm) const;
};

// Noted selects the topics that a table's notes cover.
struct Noted {
  bool losses = true;                 // losses or their differences are shown
  std::optional<index> from = {};     // the loss from this position on is shown
  bool drops = true;                  // drops in evaluation are shown
  std::optional<Target> target = {};  // cost to reach it is shown
  bool chosen = false;                // the table shows a selection of the arms
};

// Returns the notes. `baseline` may be null, or an arm that is not in `arms`.
RouterNotes router_notes(const std::vector<Arm>& arms, const Arm* baseline, const Noted& noted);

}  // namespace moesim
