#include "analysis/tables/notes.hpp"

#include "analysis/tables/comparable.hpp"
#include "analysis/tables/target.hpp"
#include "analysis/tables/verdict.hpp"
#include "sim/core/error.hpp"

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

constexpr double kNotedUnknown = 0.01;  // share of unknown text above which a note warns

std::string listed(Texts what) {
  constexpr std::size_t kMostListed = 20;
  if (what.size() <= kMostListed) return joined(what);
  const std::size_t more = what.size() - kMostListed;
  what.resize(kMostListed);
  return fmt::format("{} and {} more", joined(what), more);
}

// Adds the note "TITLE: a, b, c" if the list is not empty.
void list(RouterNotes& notes, const std::string& title, const Texts& what) {
  if (!what.empty()) notes.lines.push_back(title + ": " + listed(what));
}
void list(RouterNotes& notes, const std::string& title, const Texts& what, About about,
          const Texts& arms) {
  for (const std::string& arm : arms) notes.places[about][arm] = notes.lines.size();
  list(notes, title, what);
}

std::string name_of(const Arm& arm, const Outcome& run) {
  std::string name = arm.name;
  name += run.seed ? fmt::format(" seed {}", *run.seed) : " without a seed";
  return std::isnan(run.steps) ? name : name + fmt::format(" (after {} steps)", run.steps + 1);
}

void note_left_out(const std::vector<Arm>& arms, RouterNotes& notes) {
  std::map<std::string, Texts> by_status, arms_by_status;
  Texts no_evaluation, infinite;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs) {
      if (run->status != "complete") {
        by_status[run->status].push_back(name_of(arm, *run));
        arms_by_status[run->status].push_back(arm.name);
      } else if (std::isnan(run->loss)) {
        no_evaluation.push_back(name_of(arm, *run));
      } else if (std::isinf(run->loss)) {
        infinite.push_back(name_of(arm, *run));
      }
    }
  for (const auto& [status, names] : by_status) {
    const std::string title =
        (status == "unknown" ? "of unknown status" : status) + ", not in the means";
    if (status == "diverged")
      list(notes, title, names, About::diverged, arms_by_status[status]);
    else
      list(notes, title, names);
  }
  list(notes, "complete, but never evaluated", no_evaluation);
  list(notes, "complete, but with infinite loss, as is the mean of the arm", infinite);
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
  list(notes, "run more than once, perhaps in different experiments", repeated);
  list(notes, "models of different size under one name", unlike);
  list(notes, "leaks (a token's output depends on later tokens), so its loss is not comparable",
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
  list(notes, fmt::format("different {}s in one arm{}", what, effect), mixed);
  if (!mixed.empty() || arms_by_origin.size() < 2) return;
  Texts origins;
  for (const auto& [origin, names] : arms_by_origin)
    origins.push_back(fmt::format("{} ({})", origin, listed(names)));
  list(notes, fmt::format("arms come from different {}s{}", what, effect), origins);
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
    list(notes, "arms differ in " + key, shown);
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
  list(notes, "seeds that " + baseline->name + " has too", fewer);
  list(notes, "not paired by seed, so compared by Welch's t", unpaired, About::unpaired, unpaired);
}

void note_noise(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts single;
  for (const Arm& arm : arms)
    if (arm.loss().count == 1) single.push_back(arm.name);
  list(notes, "one seed: no noise estimate", single, About::single, single);
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
    list(notes,
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

// Notes arms evaluated with another capacity than they were trained with.
void note_capacity(const std::vector<Arm>& arms, RouterNotes& notes) {
  std::map<std::string, std::map<std::string, Texts>>
      names;  // arms by evaluated and trained capacity
  for (const Arm& arm : arms) {
    const auto setting = [&](const std::string& name) {
      const auto found = arm.settings.find("router." + arm.runs.front()->router + "." + name);
      return found == arm.settings.end() ? std::string() : found->second;
    };
    const std::string trained = setting("capacity_factor");
    const std::string evaluated = setting("capacity_factor_eval");
    const std::string fixed = setting("capacity");  // in tokens, instead of a factor
    const bool by_factor = fixed.empty() || fixed == "0";
    if (by_factor && !trained.empty() && !evaluated.empty() && trained != evaluated)
      names[evaluated][trained].push_back(arm.name);
  }
  for (const auto& [evaluated, by_trained] : names) {
    Texts shown;
    for (const auto& [trained, those] : by_trained) {
      shown.push_back(trained);
      for (const std::string& arm : those) notes.places[About::drops][arm] = notes.lines.size();
    }
    notes.lines.push_back(fmt::format(
        "evaluated with capacity factor {} (capacity_factor_eval), trained with {}: eval drops are "
        "not those of training",
        evaluated, joined(shown)));
  }
}

// Notes losses measured on a part of the validation split, with their standard error.
void note_parts(const std::vector<Arm>& arms, RouterNotes& notes) {
  std::set<double> sizes;
  std::map<std::pair<double, double>, std::vector<double>> parts;  // errors by part and whole
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.complete) {
      if (std::isnan(run->evaluated) || std::isnan(run->validation)) continue;
      sizes.insert(run->evaluated);
      if (run->evaluated < run->validation)
        parts[{run->evaluated, run->validation}].push_back(run->loss_error);
    }
  for (const auto& [size, errors] : parts) {
    const bool known =
        std::none_of(errors.begin(), errors.end(), [](double e) { return std::isnan(e); });
    notes.lines.push_back(fmt::format(
        "losses are of {} of {} validation sequences; {}", size.first, size.second,
        known ? fmt::format("on all of them they may differ by {:.4f} (one standard error; arms by "
                            "less, because they share the sequences)",
                            *std::max_element(errors.begin(), errors.end()))
              : "how much they differ on all of them is unknown"));
  }
  if (sizes.size() > 1)
    notes.lines.push_back(
        fmt::format("losses of different numbers of sequences ({}) are not comparable",
                    fmt::join(sizes, ", ")));
}

// Notes losses that do not measure the model: nothing was learned, the tokenizer does not know part
// of the text, or vocabularies differ in size.
void note_measure(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts guessing, unknown;
  for (const Arm& arm : arms) {
    for (const Outcome* run : arm.complete)
      if (run->loss > run->uniform_loss)
        guessing.push_back(
            fmt::format("{} ({:.4f} > {:.4f})", name_of(arm, *run), run->loss, run->uniform_loss));
    const std::vector<double> shares =
        values_of(arm.runs, [](const Outcome& run) { return run.unknown; });
    const auto most = std::max_element(shares.begin(), shares.end());
    if (most != shares.end() && *most >= kNotedUnknown)
      unknown.push_back(fmt::format("{} {:.1f} %", arm.name, 100 * *most));
  }
  list(notes, "loss above that of guessing (log of the vocabulary), so nothing was learned",
       guessing);
  list(notes, "share of the text that the tokenizer does not know, so that losses are too low",
       unknown);
  if (!same_measure(arms))
    notes.lines.push_back(
        "arms differ in task, in data or in what was evaluated, so none is marked");
  if (!same_vocabulary(arms))
    notes.lines.push_back(
        "vocabularies differ, so losses per token cannot be compared between arms, and none is "
        "marked");
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
    note_parts(arms, notes);
    note_measure(arms, notes);
  }
  return notes;
}

}  // namespace moesim
