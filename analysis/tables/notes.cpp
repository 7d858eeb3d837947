#include "analysis/tables/notes.hpp"

#include "analysis/tables/comparable.hpp"
#include "analysis/tables/evaluation_notes.hpp"
#include "analysis/tables/note_lists.hpp"
#include "analysis/tables/target.hpp"
#include "analysis/tables/verdict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

namespace moesim {
namespace {

using About = RouterNotes::About;
using Texts = std::vector<std::string>;

void note_left_out(const std::vector<Arm>& arms, RouterNotes& notes) {
  std::map<std::string, Texts> by_status, arms_by_status;
  Texts no_evaluation, infinite;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs) {
      if (!run->counts()) {
        by_status[run->status].push_back(name_with_seed(arm, *run));
        arms_by_status[run->status].push_back(arm.name);
      } else if (std::isnan(run->loss)) {
        no_evaluation.push_back(name_with_seed(arm, *run));
      } else if (std::isinf(run->loss)) {
        infinite.push_back(name_with_seed(arm, *run));
      }
    }
  for (const auto& [status, names] : by_status) {
    const std::string title =
        (status == "unknown" ? "of unknown status" : status) + ", not in the means";
    if (status == "diverged")
      add_list(notes, title, names, About::diverged, arms_by_status[status]);
    else
      add_list(notes, title, names);
  }
  add_list(notes, "complete, but never evaluated", no_evaluation);
  add_list(notes, "complete, but with infinite loss, as is the mean of the arm", infinite);
}

// Notes arms whose runs differ in build or device.
void note_mixtures(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts repeated, unlike, leaking;
  for (const Arm& arm : arms) {
    std::map<std::int64_t, std::vector<double>> losses;
    for (const auto* runs : {&arm.complete, &arm.repeats})
      for (const Outcome* run : *runs)
        if (run->seed) losses[*run->seed].push_back(run->loss);
    for (const auto& [seed, own] : losses) {
      if (own.size() < 2) continue;
      const auto [least, most] = std::minmax_element(own.begin(), own.end());
      repeated.push_back(fmt::format("{} seed {} ({} times{})", arm.name, seed, own.size(),
                                     *least == *most || std::isnan(*least) || std::isnan(*most)
                                         ? ""
                                         : fmt::format(", with losses from {:.4f} to {:.4f}: the "
                                                       "first counts",
                                                       *least, *most)));
    }
    for (double Outcome::*field : {&Outcome::parameters_total, &Outcome::flops_per_token}) {
      const std::vector<double> sizes =
          values_of(arm.runs, [field](const Outcome& run) { return run.*field; });
      if (std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>()) != sizes.end()) {
        unlike.push_back(arm.name);
        break;
      }
    }
    if (arm.leaks) leaking.push_back(arm.name);
  }
  add_list(notes, "run more than once, perhaps in different experiments", repeated);
  add_list(notes, "models of different size under one name", unlike);
  add_list(notes, "leaks (a token's output depends on later tokens), so its loss is not comparable",
           leaking, About::leak, leaking);
}

// Notes arms that look ahead only before position `from`.
void note_from(const std::vector<Arm>& arms, index from, RouterNotes& notes) {
  Texts names;
  for (const Arm& arm : arms)
    if (arm.leaks && !arm.leaks_from) names.push_back(arm.name);
  if (names.empty()) return;
  for (const std::string& arm : names) notes.places[About::from][arm] = notes.lines.size();
  const bool one = names.size() == 1;
  notes.lines.push_back(
      fmt::format("from position {} on, {} {} not look ahead: {} loss from there is comparable",
                  from, listed(names), one ? "does" : "do", one ? "its" : "their"));
}

void note_origin(const std::vector<Arm>& arms, std::string Outcome::*field, const char* what,
                 const char* effect, RouterNotes& notes) {
  std::map<std::string, Texts> arms_by_origin;
  Texts mixed;
  for (const Arm& arm : arms) {
    std::set<std::string> own;
    for (const Outcome* run : arm.runs)
      if (!(run->*field).empty()) own.insert(run->*field);
    if (own.size() > 1) mixed.push_back(fmt::format("{} ({})", arm.name, fmt::join(own, " | ")));
    for (const std::string& origin : own) arms_by_origin[origin].push_back(arm.name);
  }
  add_list(notes, fmt::format("different {}s in one arm{}", what, effect), mixed);
  if (!mixed.empty() || arms_by_origin.size() < 2) return;
  Texts origins;
  for (const auto& [origin, names] : arms_by_origin)
    origins.push_back(fmt::format("{} ({})", origin, listed(names)));
  add_list(notes, fmt::format("arms come from different {}s{}", what, effect), origins);
}

// Notes arms with runs that moesim transform made and nobody trained.
void note_untrained(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts names;
  for (const Arm& arm : arms)
    if (std::any_of(arm.complete.begin(), arm.complete.end(),
                    [](const Outcome* run) { return run->untrained; }))
      names.push_back(arm.name);
  add_list(notes, "as moesim transform made them, without training", names);
}

// Notes settings that make the losses of different arms incomparable.
void note_settings(const std::vector<Arm>& arms, RouterNotes& notes) {
  std::map<std::string, std::map<std::string, Texts>> names;  // arms by key and value
  for (const Arm& arm : arms)
    for (const auto& [key, value] : arm.settings)
      if (key == "run.steps" || key == "task.name" || key == "data.sha256" ||
          key.starts_with("eval."))
        names[key][key == "data.sha256" ? value.substr(0, 8) : value].push_back(arm.name);
  for (const auto& [key, values] : names) {
    if (values.size() < 2) continue;
    Texts shown;
    for (const auto& [value, those] : values)
      shown.push_back(fmt::format("{} ({})", value.empty() ? "empty" : value, listed(those)));
    const bool same_evaluation = key == "data.sha256" && same_measure(arms);
    add_list(notes,
             "arms differ in " + key +
                 (same_evaluation ? ", and were evaluated on the same sequences" : ""),
             shown);
  }
}

void note_pairs(const std::vector<Arm>& arms, const Arm* baseline, RouterNotes& notes) {
  if (baseline == nullptr) return;
  Texts fewer, unpaired;
  for (const Arm& arm : arms) {
    if (arm.name == baseline->name) continue;
    const BySeed own = arm.losses();
    const std::size_t pairs = paired_differences(own, baseline->losses()).size();
    if (pairs < own.size())
      fewer.push_back(fmt::format("{} {} of {}", arm.name, pairs, own.size()));
    const Difference difference = difference_in_loss(arm, *baseline);
    if (difference.method == Difference::Method::welch && !std::isnan(difference.p))
      unpaired.push_back(arm.name);
  }
  add_list(notes, "seeds that " + baseline->name + " has too", fewer);
  add_list(notes, "not paired by seed, so compared by Welch's t", unpaired, About::unpaired,
           unpaired);
}

void note_noise(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts single;
  for (const Arm& arm : arms)
    if (arm.loss().count == 1) single.push_back(arm.name);
  add_list(notes, "one seed: no noise estimate", single, About::single, single);
}

void note_target(const std::vector<Arm>& arms, const Arm* baseline, const Target& target,
                 RouterNotes& notes) {
  Texts missed, missing;
  for (const Arm& arm : arms) {
    const std::size_t all = arm.complete.size();
    if (all == 0 || !std::isnan(cost_to(arm, TargetCost::steps, target))) continue;
    missing.push_back(arm.name);
    missed.push_back(target.by_mean_curve
                         ? arm.name
                         : fmt::format("{} {} of {}", arm.name, reached_by(arm, target.loss), all));
  }
  if (!target.by_mean_curve) {
    add_list(notes,
             fmt::format("loss {:.4f} is not reached by every seed, so its cost columns are empty",
                         target.loss),
             missed, About::target, missing);
    return;
  }
  for (const std::string& arm : missing) notes.places[About::target][arm] = notes.lines.size();
  notes.lines.push_back(fmt::format(
      "loss {:.4f} is that of {}, and is reached where the mean curve over an arm's seeds first "
      "falls to it: one crossing per arm, without a deviation{}",
      target.loss, baseline == nullptr ? "the baseline" : baseline->name,
      missing.empty() ? "" : "; not reached by " + listed(missed)));
}

}  // namespace

std::set<std::size_t> RouterNotes::about(About what, const std::string& arm) const {
  const auto those = places.find(what);
  if (those == places.end()) return {};
  const auto line = those->second.find(arm);
  return line == those->second.end() ? std::set<std::size_t>() : std::set{line->second};
}

std::set<std::size_t> RouterNotes::about_loss(const Arm& arm) const {
  std::set<std::size_t> all;
  for (const About what : {About::leak, About::diverged, About::single})
    all.merge(about(what, arm.name));
  return all;
}

std::set<std::size_t> RouterNotes::about_loss_from(const Arm& arm) const {
  std::set<std::size_t> all = about(arm.leaks_from ? About::leak : About::from, arm.name);
  for (const About what : {About::diverged, About::single}) all.merge(about(what, arm.name));
  return all;
}

RouterNotes router_notes(const std::vector<Arm>& arms, const Arm* baseline, const Noted& noted) {
  RouterNotes notes;
  note_left_out(arms, notes);
  note_mixtures(arms, notes);
  if (noted.from) note_from(arms, *noted.from, notes);
  note_origin(arms, &Outcome::build, "build", "", notes);
  note_origin(arms, &Outcome::device, "device", ", so their speeds do not compare", notes);
  note_untrained(arms, notes);
  note_settings(arms, notes);
  note_pairs(arms, baseline, notes);
  note_noise(arms, notes);
  if (noted.losses)
    for (std::string& sentence : separations(arms, baseline, noted.chosen))
      notes.lines.push_back(std::move(sentence));
  if (noted.from)
    for (std::string& sentence : separations_from(arms, baseline, *noted.from))
      notes.lines.push_back(std::move(sentence));
  if (noted.target) note_target(arms, baseline, *noted.target, notes);
  if (noted.drops) note_capacity(arms, notes);
  if (noted.losses) {
    note_quantised(arms, notes);
    note_parts(arms, notes);
    note_measure(arms, notes);
  }
  return notes;
}

}  // namespace moesim
