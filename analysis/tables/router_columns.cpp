#include "analysis/tables/router_columns.hpp"

#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/comparable.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace moesim {
namespace {

using Kind = Column::Kind;
using Better = Column::Better;
using Shown = RouterColumn::Shown;
using Text = std::string Outcome::*;
using Field = double Outcome::*;

ValueOf value_of(Field field) {
  return [field](const Outcome& run) { return run.*field; };
}

// Builds a column of text: "a/b" if runs differ.
RouterColumn words(Column column, Text field) {
  return {std::move(column), Shown::always, [field](const RouterRow& row) -> Cell {
            std::set<std::string> words;
            for (const Outcome* run : row.arm.runs)
              if (!(run->*field).empty()) words.insert(run->*field);
            return joined({words.begin(), words.end()}, "/");
          }};
}

RouterColumn sample(Column column, const ValueOf& value, Shown shown = Shown::always) {
  return {std::move(column), shown,
          [value](const RouterRow& row) -> Cell {
            return sample_of(values_of(row.arm.complete, value));
          },
          value};
}

RouterColumn mean(Column column, const ValueOf& value, Shown shown = Shown::always) {
  return {std::move(column), shown,
          [value](const RouterRow& row) -> Cell {
            return sample_of(values_of(row.arm.complete, value)).mean;
          },
          value};
}

// Builds a column of a size that is known before a run finishes; it is shown even if no run is
// complete.
RouterColumn size(Column column, Field field, Shown shown = Shown::always) {
  return {
      std::move(column), shown,
      [field](const RouterRow& row) -> Cell {
        const Arm& arm = row.arm;
        return sample_of(values_of(arm.complete.empty() ? arm.runs : arm.complete, value_of(field)))
            .mean;
      },
      value_of(field)};
}

RouterColumn of_difference(Column column, const std::function<Cell(const Difference&)>& cell,
                           Shown shown = Shown::always) {
  return {std::move(column), shown, [cell](const RouterRow& row) -> Cell {
            if (row.baseline == nullptr || row.baseline->name == row.arm.name) return {};
            return cell(row.difference);
          }};
}

// Builds a column of an option of the arm's router.
RouterColumn option(Column column, const std::string& name) {
  return {std::move(column), Shown::always, [name](const RouterRow& row) -> Cell {
            const auto& settings = row.arm.settings;
            const auto found = settings.find("router." + row.arm.runs.front()->router + "." + name);
            if (found == settings.end()) return {};
            double number = 0;
            const char* end = found->second.data() + found->second.size();
            const auto [rest, problem] = std::from_chars(found->second.data(), end, number);
            if (problem != std::errc() || rest != end) return {};
            return number;
          }};
}

Cell stable_seeds(const RouterRow& row) {
  const std::size_t stable = row.arm.complete.size();
  const std::size_t diverged = row.arm.diverged();
  if (diverged == 0) return {};
  return fmt::format("{}/{}", stable, stable + diverged);
}

RouterColumn speed_up(Column column, TargetCost cost) {
  return {std::move(column), Shown::with_target, [cost](const RouterRow& row) -> Cell {
            if (!row.target || row.baseline == nullptr || row.baseline->name == row.arm.name)
              return {};
            return speedup_of(row.arm, *row.baseline, cost, *row.target);
          }};
}

RouterColumn cost(Column column, TargetCost cost, Shown shown = Shown::with_target) {
  return {std::move(column), shown, [cost](const RouterRow& row) -> Cell {
            if (!row.target) return {};
            return cost_to(row.arm, cost, *row.target);
          }};
}

Cell reached(const RouterRow& row) {
  if (!row.target || row.arm.complete.empty()) return {};
  if (row.target->by_mean_curve)
    return std::isnan(cost_to(row.arm, TargetCost::steps, *row.target)) ? "not reached"
                                                                        : "mean curve";
  const std::size_t count = reached_by(row.arm, row.target->loss);
  if (count == 0) return "not reached";
  return fmt::format("{}/{}", count, row.arm.complete.size());
}

Cell method_of(const Difference& difference) {
  switch (difference.method) {
    case Difference::Method::paired:
      return "paired t";
    case Difference::Method::welch:
      return "Welch's t";
    case Difference::Method::none:
      break;
  }
  return {};
}

}  // namespace

std::vector<RouterColumn> router_columns(const Arm* baseline, const std::optional<Target>& target,
                                         std::optional<index> from) {
  const std::string vs = "vs " + (baseline == nullptr ? "" : baseline->name);
  const std::string to = target ? fmt::format(" to {:.4g}", target->loss) : " to target";
  const std::string late = from ? fmt::format(" from {}", *from) : " from";
  // Crossings of mean curves have no deviation.
  const Kind speedup = target && target->by_mean_curve ? Kind::number : Kind::sample;
  const auto of = [](Field field) { return value_of(field); };
  const auto number = [](double Difference::*field) {
    return [field](const Difference& difference) -> Cell { return difference.*field; };
  };
  // The columns that the verdict uses come first, so that they are visible on screen.
  return {
      {{"arm", "arm"}, Shown::always, [](const RouterRow& row) -> Cell { return row.arm.name; }},
      {{"seeds", "seeds", Kind::count},
       Shown::always,
       [](const RouterRow& row) -> Cell { return static_cast<double>(row.arm.complete.size()); }},
      sample({"eval_loss", "loss", Kind::sample, 4, Better::lower}, of(&Outcome::loss)),
      sample({"bits_per_byte", "bits/byte", Kind::sample, 4, Better::lower},
             of(&Outcome::bits_per_byte), Shown::other_tokens),
      of_difference({"eval_loss_difference", vs, Kind::sample, 4, Better::lower},
                    [](const Difference& difference) -> Cell { return difference.sample; }),
      of_difference({"eval_loss_interval", kIntervalTitle, Kind::interval, 4},
                    [](const Difference& difference) -> Cell { return difference.interval; }),
      of_difference({"p_holm", kHolmTitle, Kind::number, 4}, number(&Difference::p_holm)),
      of_difference({"p", "p, one test", Kind::number, 4}, number(&Difference::p), Shown::named),
      of_difference({"test", "test"}, method_of, Shown::named),
      of_difference(
          {"detectable", "detectable", Kind::number, 4},
          [](const Difference& difference) -> Cell { return difference.detectable(); },
          Shown::named),
      sample({"eval_loss_from", "loss" + late, Kind::sample, 4, Better::lower},
             of(&Outcome::loss_from), Shown::with_from),
      {{"eval_loss_from_difference", vs + late, Kind::sample, 4, Better::lower},
       Shown::with_from,
       [](const RouterRow& row) -> Cell {
         if (row.baseline == nullptr || row.baseline->name == row.arm.name) return {};
         return difference_of(row.arm, *row.baseline, kLossFrom).sample;
       }},
      sample({"eval_loss_dropless", "loss dropless", Kind::sample, 4, Better::lower},
             of(&Outcome::loss_dropless), Shown::with_rules),
      sample({"eval_loss_training", "loss as trained", Kind::sample, 4, Better::lower},
             of(&Outcome::loss_training), Shown::with_rules),
      words({"sees", "sees"}, &Outcome::sees),
      {{"leak", "leak"}, Shown::always, [](const RouterRow& row) { return leak_of(row.arm); }},
      {{"stable_seeds", "stable seeds"}, Shown::always, stable_seeds},
      {{"diverged", "diverged", Kind::count},
       Shown::always,
       [](const RouterRow& row) -> Cell { return static_cast<double>(row.arm.diverged()); }},
      sample({"regret", "regret", Kind::sample, 4, Better::lower}, of(&Outcome::regret)),
      sample({"eval_accuracy", "accuracy", Kind::sample, 4, Better::higher},
             of(&Outcome::accuracy)),
      mean({"eval_domain_nmi", "NMI", Kind::number, 3}, of(&Outcome::domain_nmi)),
      words({"router", "router"}, &Outcome::router),
      option({"k", "k", Kind::count}, "k"),
      option({"capacity_factor", "capacity", Kind::number, 2}, "capacity_factor"),
      mean({"train_drops_percent", "train drops %", Kind::number, 2, Better::lower},
           of(&Outcome::train_drops_percent)),
      mean({"drops_percent", "eval drops %", Kind::number, 2, Better::lower},
           of(&Outcome::drops_percent)),
      mean({"load_cv", "load CV", Kind::number, 3, Better::lower}, of(&Outcome::load_cv)),
      mean({"max_violation", "MaxVio", Kind::number, 3, Better::lower},
           of(&Outcome::max_violation)),
      mean({"normalised_entropy", "entropy", Kind::number, 3}, of(&Outcome::entropy)),
      mean({"dead_experts", "dead experts", Kind::number, 1, Better::lower},
           of(&Outcome::dead_experts)),
      size({"parameters_total", "parameters", Kind::count}, &Outcome::parameters_total),
      size({"parameters_active", "active", Kind::count}, &Outcome::parameters_active),
      size({"parameters_trained", "trained", Kind::count}, &Outcome::parameters_trained,
           Shown::with_frozen),
      size({"flops_per_token", "FLOPs/token", Kind::count}, &Outcome::flops_per_token),
      mean({"flops_per_token_measured", "FLOPs measured", Kind::count},
           of(&Outcome::flops_per_token_measured)),
      mean({"flops_new", "FLOPs, new", Kind::count}, of(&Outcome::train_flops), Shown::with_source),
      mean({"flops_total", "FLOPs, total", Kind::count}, of(&Outcome::total_flops),
           Shown::with_source),
      {{"tokens_per_second", "tokens/s", Kind::count, 0, Better::higher},
       Shown::always,
       [](const RouterRow& row) -> Cell {
         return median_of(values_of(row.arm.complete, value_of(&Outcome::tokens_per_second)));
       },
       of(&Outcome::tokens_per_second)},
      cost({"steps_to_target", "steps" + to, Kind::count, 0, Better::lower}, TargetCost::steps),
      cost({"tokens_to_target", "tokens" + to, Kind::count, 0, Better::lower}, TargetCost::tokens),
      cost({"flops_to_target", "FLOPs" + to, Kind::count, 0, Better::lower}, TargetCost::flops),
      cost({"seconds_to_target", "s" + to, Kind::number, 1, Better::lower}, TargetCost::seconds,
           Shown::always),
      speed_up({"speedup_steps", "× in steps", speedup, 2, Better::higher}, TargetCost::steps),
      speed_up({"speedup_seconds", "× in time", speedup, 2, Better::higher}, TargetCost::seconds),
      {{"target_reached", "reached"}, Shown::with_target, reached},
  };
}

RouterColumn quantity_column(const std::string& name) {
  // eval_loss already has the title "loss".
  const std::string title = name == "loss" ? "training loss" : name;
  RouterColumn column = sample({name, title, Kind::sample, 4},
                               [name](const Outcome& run) { return run.quantity(name); });
  column.is_quantity = true;
  return column;
}

bool is_of_loss(const std::string& key) {
  return key == "regret" || key == "p" || key == "p_holm" || key == "test" || key == "detectable" ||
         (key.starts_with("eval_loss") && key != "eval_loss_error");
}
bool is_of_loss_from(const std::string& key) { return key.starts_with("eval_loss_from"); }
bool is_of_target(const std::string& key) {
  return key.ends_with("_to_target") || key.starts_with("speedup_") || key == "target_reached";
}
bool is_of_drops(const std::string& key) {
  return key == "drops_percent" || key == "eval_dropped" || key == "eval_unrouted_tokens";
}

int decimals_of(const std::vector<Arm>& arms, const ValueOf& value) {
  constexpr int kMost = 10;
  double largest = 0;
  for (const Arm& arm : arms)
    if (const double mean = sample_of(values_of(arm.complete, value)).mean; std::isfinite(mean))
      largest = std::max(largest, std::abs(mean));
  if (largest == 0) return 0;
  return std::clamp(3 - static_cast<int>(std::floor(std::log10(largest))), 0, kMost);
}

}  // namespace moesim
