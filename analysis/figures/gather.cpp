#include "analysis/figures/gather.hpp"

#include "analysis/tables/arm_words.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace moesim {
namespace {

std::vector<std::string> single_seeds(const std::vector<Arm>& arms) {
  std::vector<std::string> names;
  for (const Arm& arm : arms)
    if (arm.complete.size() == 1) names.push_back(arm.name);
  return names;
}

}  // namespace

void add_list(std::vector<std::string>& notes, const std::string& what,
              const std::vector<std::string>& names) {
  constexpr std::size_t kMostNames = 12;
  if (names.empty()) return;
  if (names.size() <= kMostNames) {
    notes.push_back(what + ": " + joined(names));
    return;
  }
  notes.push_back(fmt::format("{}: {} and {} more", what,
                              joined({names.begin(), names.begin() + kMostNames}),
                              names.size() - kMostNames));
}

std::string legend_name(const Arm& arm) { return arm.leaks ? arm.name + " (leaks)" : arm.name; }

Gathered gather(const Request& request, const FigureOptions& options, const Excerpt& more,
                const Visit& visit) {
  Gathered gathered;
  gathered.loaded = load_runs(request, more, visit);
  const std::vector<Arm> arms = arms_of(gathered.loaded.outcomes);
  gathered.arms = arms_named(arms, options.arms);
  gathered.notes = gathered.loaded.notes;
  for (std::string& line : left_out_of(gathered.arms)) gathered.notes.push_back(std::move(line));
  add_list(gathered.notes, "one seed, so no deviation is shown", single_seeds(gathered.arms));
  std::erase_if(gathered.arms, [](const Arm& arm) { return arm.complete.empty(); });
  if (gathered.arms.empty())
    fail(Exit::data,
         "no run is complete, so there is nothing to show; moesim status says how far "
         "they are");
  return gathered;
}

void limit_arms(Gathered& gathered, std::size_t most) {
  if (gathered.arms.size() <= most) return;
  std::vector<std::string> left_out;
  for (std::size_t i = most; i < gathered.arms.size(); ++i)
    left_out.push_back(gathered.arms[i].name);
  gathered.arms.resize(most);
  add_list(gathered.notes, fmt::format("{} arms are shown, the others not (--arm chooses)", most),
           left_out);
}

}  // namespace moesim
