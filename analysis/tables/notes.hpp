// Notes say what the numbers of the table of routers do not.
#pragma once

#include "analysis/runs/arms.hpp"
#include "analysis/tables/target.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moesim {

struct RouterNotes {
  enum class About { leak, diverged, single, unpaired, target, drops };

  std::vector<std::string> lines;  // one sentence each
  // Which of the lines, by their place, are about an arm, by its name.
  std::map<About, std::map<std::string, std::size_t>> places;

  std::set<std::size_t> about(About what, const std::string& arm) const;
  // What a reader of its loss has to know.
  std::set<std::size_t> about_loss(const Arm& arm) const;
};

// What of its numbers a table shows.
struct Noted {
  bool losses = true;                 // losses, or their differences
  bool drops = true;                  // what capacity dropped in evaluation
  std::optional<Target> target = {};  // what it takes to reach it
  bool chosen = false;                // there are other arms
};

// `baseline` may be null, or an arm that is not among `arms`.
RouterNotes router_notes(const std::vector<Arm>& arms, const Arm* baseline, const Noted& noted);

}  // namespace moesim
