#include "analysis/tables/note_lists.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {

std::string listed(std::vector<std::string> what) {
  constexpr std::size_t kMostListed = 20;
  if (what.size() <= kMostListed) return joined(what);
  const std::size_t more = what.size() - kMostListed;
  what.resize(kMostListed);
  return fmt::format("{} and {} more", joined(what), more);
}

void add_list(RouterNotes& notes, const std::string& title, const std::vector<std::string>& what) {
  if (!what.empty()) notes.lines.push_back(title + ": " + listed(what));
}
void add_list(RouterNotes& notes, const std::string& title, const std::vector<std::string>& what,
              RouterNotes::About about, const std::vector<std::string>& arms) {
  for (const std::string& arm : arms) notes.places[about][arm] = notes.lines.size();
  add_list(notes, title, what);
}

std::string name_with_seed(const Arm& arm, const Outcome& run) {
  std::string name = arm.name;
  name += run.seed ? fmt::format(" seed {}", *run.seed) : " without a seed";
  return std::isnan(run.steps) ? name : name + fmt::format(" (after {} steps)", run.steps + 1);
}

}  // namespace moesim
