#include "analysis/figures/gather.hpp"

#include "analysis/figures/brief_names.hpp"
#include "analysis/tables/arm_words.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace moesim {
namespace {

std::vector<std::string> single_seeds(const std::vector<Arm>& arms) {
  std::vector<std::string> names;
  for (const Arm& arm : arms)
    if (arm.complete.size() == 1) names.push_back(arm.name);
  return names;
}

void require_seed(const std::vector<Arm>& arms, std::int64_t wanted) {
  std::set<std::int64_t> seeds;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.complete)
      if (run->seed) seeds.insert(*run->seed);
  if (seeds.contains(wanted)) return;
  std::vector<std::string> words;
  for (const std::int64_t seed : seeds) words.push_back(std::to_string(seed));
  fail(Exit::usage, fmt::format("--seed {}: no run that is shown has this seed; {}", wanted,
                                words.empty() ? "none has a seed" : "there are " + joined(words)));
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
  if (options.seed) require_seed(gathered.arms, *options.seed);
  BriefNames brief = brief_names(gathered.arms);
  gathered.brief = std::move(brief.names);
  add_list(gathered.notes, "names omit settings that all arms but dense ones share", brief.omitted);
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
