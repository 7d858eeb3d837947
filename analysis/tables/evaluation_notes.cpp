#include "analysis/tables/evaluation_notes.hpp"

#include "analysis/tables/comparable.hpp"
#include "analysis/tables/note_lists.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace moesim {
namespace {

using About = RouterNotes::About;
using Texts = std::vector<std::string>;

constexpr double kNotedUnknown = 0.01;  // share of unknown text above which a note warns

}  // namespace

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

void note_quantised(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts trained;
  for (const Arm& arm : arms) {
    const auto made = arm.settings.find("run.made");
    if (made == arm.settings.end() || !made->second.starts_with("quantise")) continue;
    if (std::any_of(arm.complete.begin(), arm.complete.end(),
                    [](const Outcome* run) { return run->step > 0; }))
      trained.push_back(arm.name);
  }
  if (!trained.empty())
    notes.lines.push_back("trained after rounding, so their weights no longer have those bits: " +
                          joined(trained));
}

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

void note_measure(const std::vector<Arm>& arms, RouterNotes& notes) {
  Texts guessing, unknown;
  for (const Arm& arm : arms) {
    for (const Outcome* run : arm.complete)
      if (run->loss > run->uniform_loss)
        guessing.push_back(fmt::format("{} ({:.4f} > {:.4f})", name_with_seed(arm, *run), run->loss,
                                       run->uniform_loss));
    const std::vector<double> shares =
        values_of(arm.runs, [](const Outcome& run) { return run.unknown; });
    const auto most = std::max_element(shares.begin(), shares.end());
    if (most != shares.end() && *most >= kNotedUnknown)
      unknown.push_back(fmt::format("{} {:.1f} %", arm.name, 100 * *most));
  }
  add_list(notes, "loss above that of guessing (log of the vocabulary), so nothing was learned",
           guessing);
  add_list(notes, "share of the text that the tokenizer does not know, so that losses are too low",
           unknown);
  if (!same_measure(arms))
    notes.lines.push_back(
        "arms differ in task, in data or in what was evaluated, so none is marked");
  if (!same_vocabulary(arms))
    notes.lines.push_back(
        "vocabularies differ, so losses per token cannot be compared between arms, and none is "
        "marked");
}

}  // namespace moesim
