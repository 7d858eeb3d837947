#include "analysis/figures/gather.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

void note_incomplete(Gathered& gathered) {
  std::map<std::string, std::vector<std::string>> by_status;
  std::vector<std::string> single;
  for (const Arm& arm : gathered.arms) {
    for (const Outcome* run : arm.runs)
      if (run->status != "complete")
        by_status[run->status].push_back(run->seed ? fmt::format("{} seed {}", arm.name, *run->seed)
                                                   : arm.name);
    if (arm.complete.size() == 1) single.push_back(arm.name);
  }
  for (const auto& [status, names] : by_status)
    add_list(gathered.notes, status + ", not shown", names);
  add_list(gathered.notes, "one seed, so no deviation is shown", single);
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
  note_incomplete(gathered);
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
