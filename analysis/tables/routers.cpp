#include "analysis/tables/routers.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/runs/arms.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace moesim {
namespace {

using Field = double Outcome::*;

// The values of a field, without those that are missing.
std::vector<double> values_of(const std::vector<const Outcome*>& runs, Field field) {
  std::vector<double> values;
  for (const Outcome* run : runs)
    if (!std::isnan(run->*field)) values.push_back(run->*field);
  return values;
}

Sample loss_of(const Arm& arm) { return sample_of(values_of(arm.complete, &Outcome::loss)); }

// The arm of that name; without a name, the arm "dense" or the first whose router is dense, or
// null.
const Arm* baseline_of(const std::vector<Arm>& arms, const std::string& name) {
  const auto first = [&](const auto& is_it) -> const Arm* {
    const auto found = std::find_if(arms.begin(), arms.end(), is_it);
    return found == arms.end() ? nullptr : &*found;
  };
  if (name.empty()) {
    const Arm* dense = first([](const Arm& arm) { return arm.name == "dense"; });
    if (dense != nullptr) return dense;
    return first([](const Arm& arm) { return arm.runs.front()->router == "dense"; });
  }
  if (const Arm* named = first([&](const Arm& arm) { return arm.name == name; })) return named;

  std::vector<std::string> names;
  for (const Arm& arm : arms) names.push_back(terminal_safe(arm.name));
  const std::string near = nearest(name, names);
  fail(Exit::usage, "no arm is named '" + terminal_safe(name) +
                        "': " + (near.empty() ? "" : "did you mean " + near + "? ") + "there are " +
                        joined(names));
}

std::string words_of(const std::vector<const Outcome*>& runs, std::string Outcome::*field) {
  std::set<std::string> words;
  for (const Outcome* run : runs)
    if (!(run->*field).empty()) words.insert(run->*field);
  return joined({words.begin(), words.end()}, "/");
}

Cell leak_of(const Arm& arm) {
  if (arm.leaks) return "leaks";
  return values_of(arm.runs, &Outcome::leak).empty() ? Cell() : Cell("none");
}

std::vector<Column> columns_for(const Arm* baseline) {
  using Kind = Column::Kind;
  return {{"arm", "arm"},
          {"router", "router"},
          {"seeds", "seeds", Kind::count},
          {"eval_loss", "loss", Kind::sample, 4},
          {"eval_loss_difference", "vs " + (baseline ? baseline->name : ""), Kind::sample, 4},
          {"regret", "regret", Kind::sample, 4},
          {"eval_accuracy", "accuracy", Kind::sample, 4},
          {"eval_domain_nmi", "NMI", Kind::number, 3},
          {"drops_percent", "drops %", Kind::number, 2},
          {"load_cv", "load CV", Kind::number, 3},
          {"dead_experts", "dead experts", Kind::number, 1},
          {"parameters_total", "parameters", Kind::count},
          {"parameters_active", "active", Kind::count},
          {"flops_per_token", "FLOPs/token", Kind::count},
          {"tokens_per_second", "tokens/s", Kind::count},
          {"sees", "sees"},
          {"leak", "leak"},
          {"diverged", "diverged", Kind::count}};
}
constexpr std::size_t kLossColumn = 3;
constexpr double kNotedUnknown = 0.01;  // share of unknown text from which a note says so

std::vector<Cell> row_of(const Arm& arm, const Arm* baseline) {
  // What a run is known to be before it has finished is shown even if none has.
  const auto& known = arm.complete.empty() ? arm.runs : arm.complete;
  const auto sample = [&](Field field) { return sample_of(values_of(arm.complete, field)); };
  const auto mean = [&](Field field) { return sample(field).mean; };
  const auto size = [&](Field field) { return sample_of(values_of(known, field)).mean; };
  Cell difference;
  if (baseline != nullptr && baseline != &arm)
    difference = sample_of(paired_differences(arm.losses(), baseline->losses()));
  const auto diverged = std::count_if(arm.runs.begin(), arm.runs.end(),
                                      [](const Outcome* run) { return run->status == "diverged"; });
  return {arm.name,
          words_of(arm.runs, &Outcome::router),
          static_cast<double>(arm.complete.size()),
          loss_of(arm),
          difference,
          sample(&Outcome::regret),
          sample(&Outcome::accuracy),
          mean(&Outcome::domain_nmi),
          mean(&Outcome::drops_percent),
          mean(&Outcome::load_cv),
          mean(&Outcome::dead_experts),
          size(&Outcome::parameters_total),
          size(&Outcome::parameters_active),
          size(&Outcome::flops_per_token),
          median_of(values_of(arm.complete, &Outcome::tokens_per_second)),
          words_of(arm.runs, &Outcome::sees),
          leak_of(arm),
          static_cast<double>(diverged)};
}

// True if the runs that say so have learned the same task from the same data, and were measured by
// as many sequences.
bool same_measure(const std::vector<Arm>& arms) {
  std::set<std::string> tasks, data;
  std::set<double> sequences;
  const auto add = [](std::set<std::string>& all, const Outcome& run, const char* key) {
    if (const auto found = run.settings.find(key); found != run.settings.end())
      all.insert(found->second);
  };
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.complete) {
      add(tasks, *run, "task.name");
      add(data, *run, "data.sha256");
      if (std::isfinite(run->evaluated)) sequences.insert(run->evaluated);
    }
  return tasks.size() < 2 && data.size() < 2 && sequences.size() < 2;
}

// True if the runs that say so predict the same number of tokens or classes.
bool same_vocabulary(const std::vector<Arm>& arms) {
  std::set<double> losses;
  for (const Arm& arm : arms)
    for (const double loss : values_of(arm.runs, &Outcome::uniform_loss)) losses.insert(loss);
  return losses.size() < 2;
}

std::set<Table::Place> best_of(const std::vector<Arm>& arms) {
  std::optional<Table::Place> best;
  for (std::size_t row = 0; row < arms.size(); ++row) {
    const double loss = loss_of(arms[row]).mean;
    if (arms[row].leaks || !std::isfinite(loss)) continue;
    if (!best || loss < loss_of(arms[best->row]).mean) best = Table::Place{row, kLossColumn};
  }
  return best ? std::set{*best} : std::set<Table::Place>();
}

// --- Notes: what the numbers do not say. ---

class Notes {
 public:
  // "TITLE: a, b, c", once there is something to list.
  void list(const std::string& title, const std::vector<std::string>& what) {
    if (!what.empty()) lines_.push_back(title + ": " + joined(what));
  }
  void add(std::string line) { lines_.push_back(std::move(line)); }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

std::string name_of(const Arm& arm, const Outcome& run) {
  std::string name = arm.name;
  name += run.seed ? fmt::format(" seed {}", *run.seed) : " without a seed";
  return std::isnan(run.steps) ? name : name + fmt::format(" (step {})", run.steps);
}

void note_left_out(const std::vector<Arm>& arms, Notes& notes) {
  std::map<std::string, std::vector<std::string>> by_status;
  std::vector<std::string> no_evaluation;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs) {
      if (run->status != "complete")
        by_status[run->status].push_back(name_of(arm, *run));
      else if (std::isnan(run->loss))
        no_evaluation.push_back(name_of(arm, *run));
    }
  for (const auto& [status, names] : by_status) {
    const std::string shown = status == "unknown" ? "of unknown status" : status;
    notes.list(shown + ", not in the means", names);
  }
  notes.list("complete, but without a loss of evaluation", no_evaluation);
}

void note_noise(const std::vector<Arm>& arms, Notes& notes) {
  std::vector<std::string> single;
  std::vector<Sample> losses;
  for (const Arm& arm : arms) {
    const Sample loss = loss_of(arm);
    if (loss.count > 0) losses.push_back(loss);
    if (loss.count == 1) single.push_back(arm.name);
  }
  notes.list("one seed: no noise estimate", single);

  const double noise = pooled_deviation(losses);
  std::sort(losses.begin(), losses.end(),
            [](const Sample& a, const Sample& b) { return a.mean < b.mean; });
  for (std::size_t i = 1; i < losses.size(); ++i)
    if (losses[i].mean - losses[i - 1].mean < noise) {
      notes.add(
          fmt::format("differences in loss below {:.4f} are within seed noise (one pooled "
                      "standard deviation over seeds)",
                      noise));
      return;
    }
}

// Losses that are of a part of the validation split, and how far those of the whole may lie.
void note_parts(const std::vector<Arm>& arms, Notes& notes) {
  std::set<double> sizes;
  std::map<std::pair<double, double>, std::vector<double>> parts;  // errors, by part and whole
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
    notes.add(fmt::format(
        "losses are of {} of {} validation sequences; {}", size.first, size.second,
        known ? fmt::format("on all of them they may differ by {:.4f} (one standard error; arms by "
                            "less, because they share the sequences)",
                            *std::max_element(errors.begin(), errors.end()))
              : "how much they differ on all of them is unknown"));
  }
  if (sizes.size() > 1)
    notes.add(fmt::format("losses of different numbers of sequences ({}) are not comparable",
                          fmt::join(sizes, ", ")));
}

void note_pairs(const std::vector<Arm>& arms, const Arm* baseline, Notes& notes) {
  if (baseline == nullptr) return;
  std::vector<std::string> fewer;
  for (const Arm& arm : arms) {
    if (&arm == baseline) continue;
    const auto own = arm.losses();
    const auto pairs = paired_differences(own, baseline->losses()).size();
    if (pairs < own.size())
      fewer.push_back(fmt::format("{} {} of {}", arm.name, pairs, own.size()));
  }
  notes.list("seeds that " + baseline->name + " has too", fewer);
}

void note_mixtures(const std::vector<Arm>& arms, Notes& notes) {
  std::vector<std::string> repeated, unlike, leaking;
  for (const Arm& arm : arms) {
    std::map<std::int64_t, int> times;
    for (const auto* runs : {&arm.complete, &arm.repeats})
      for (const Outcome* run : *runs)
        if (run->seed) ++times[*run->seed];
    for (const auto& [seed, count] : times)
      if (count > 1)
        repeated.push_back(fmt::format("{} seed {} ({} times)", arm.name, seed, count));
    for (const Field field : {&Outcome::parameters_total, &Outcome::flops_per_token}) {
      const std::vector<double> sizes = values_of(arm.runs, field);
      if (std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>()) != sizes.end()) {
        unlike.push_back(arm.name);
        break;
      }
    }
    if (arm.leaks) leaking.push_back(arm.name);
  }
  notes.list("run more than once, perhaps in different experiments", repeated);
  notes.list("models of different size under one name", unlike);
  notes.list("leaks (a token's output depends on later tokens), so its loss is no prediction",
             leaking);
}

// What makes a loss no measure of the model: nothing was learned, or a text that the tokenizer does
// not know, or vocabularies of different size.
void note_measure(const std::vector<Arm>& arms, Notes& notes) {
  std::vector<std::string> guessing, unknown;
  for (const Arm& arm : arms) {
    for (const Outcome* run : arm.complete)
      if (run->loss > run->uniform_loss)
        guessing.push_back(
            fmt::format("{} ({:.4f} > {:.4f})", name_of(arm, *run), run->loss, run->uniform_loss));
    const std::vector<double> shares = values_of(arm.runs, &Outcome::unknown);
    const auto most = std::max_element(shares.begin(), shares.end());
    if (most != shares.end() && *most >= kNotedUnknown)
      unknown.push_back(fmt::format("{} {:.1f} %", arm.name, 100 * *most));
  }
  notes.list("loss above that of guessing (log of the vocabulary), so nothing was learned",
             guessing);
  notes.list("share of the text that the tokenizer does not know, so that losses are too low",
             unknown);
  if (!same_measure(arms))
    notes.add("arms differ in task, in data or in what was evaluated, so none is marked");
  if (!same_vocabulary(arms))
    notes.add(
        "vocabularies differ, so losses per token cannot be compared between arms, and none is "
        "marked");
}

}  // namespace

Table routers_table(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  const std::vector<Arm> arms = arms_named(arms_of(outcomes), options.arms);
  const Arm* base = baseline_of(arms, options.baseline);
  Table table;
  table.name = "routers";
  table.columns = columns_for(base);
  for (const Arm& arm : arms) table.rows.push_back(row_of(arm, base));
  if (same_vocabulary(arms) && same_measure(arms)) table.bold = best_of(arms);

  Notes notes;
  note_left_out(arms, notes);
  note_mixtures(arms, notes);
  note_pairs(arms, base, notes);
  note_noise(arms, notes);
  note_parts(arms, notes);
  note_measure(arms, notes);
  table.notes = notes.take();
  return table;
}

Table routers_table(const Request& request, const RoutersOptions& options) {
  const Loaded loaded = load_runs(request);
  Table table = routers_table(loaded.outcomes, options);
  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  return table;
}

std::vector<std::string> routers_columns() {
  std::vector<std::string> keys;
  for (const Column& column : columns_for(nullptr)) keys.push_back(column.key);
  return keys;
}

}  // namespace moesim
