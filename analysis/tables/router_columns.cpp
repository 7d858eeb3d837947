#include "analysis/tables/router_columns.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/tables/target.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace moesim {
namespace {

using Kind = Column::Kind;
using Better = Column::Better;
using Shown = RouterColumn::Shown;
using Text = std::string Outcome::*;
using Field = double Outcome::*;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

ValueOf value_of(Field field) {
  return [field](const Outcome& run) { return run.*field; };
}

// "a/b" of what the runs say.
RouterColumn words(Column column, Text field) {
  return {std::move(column), Shown::always, [field](const RouterRow& row) -> Cell {
            std::set<std::string> words;
            for (const Outcome* run : row.arm.runs)
              if (!(run->*field).empty()) words.insert(run->*field);
            return joined({words.begin(), words.end()}, "/");
          }};
}

RouterColumn sample(Column column, ValueOf value, Shown shown = Shown::always) {
  return {std::move(column), shown,
          [value](const RouterRow& row) -> Cell {
            return sample_of(values_of(row.arm.complete, value));
          },
          value};
}

RouterColumn mean(Column column, ValueOf value, Shown shown = Shown::always) {
  return {std::move(column), shown,
          [value](const RouterRow& row) -> Cell {
            return sample_of(values_of(row.arm.complete, value)).mean;
          },
          value};
}

// What a run is known to be before it has finished is shown even if none has.
RouterColumn size(Column column, Field field) {
  return {
      std::move(column), Shown::always,
      [field](const RouterRow& row) -> Cell {
        const Arm& arm = row.arm;
        return sample_of(values_of(arm.complete.empty() ? arm.runs : arm.complete, value_of(field)))
            .mean;
      },
      value_of(field)};
}

RouterColumn of_difference(Column column, std::function<Cell(const Difference&)> cell,
                           Shown shown = Shown::always) {
  return {std::move(column), shown, [cell](const RouterRow& row) -> Cell {
            if (row.baseline == nullptr || row.baseline->name == row.arm.name) return {};
            return cell(row.difference);
          }};
}

// An option of the arm's own router.
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

std::size_t count_of(const std::vector<const Outcome*>& runs, const std::string& status) {
  return static_cast<std::size_t>(std::count_if(
      runs.begin(), runs.end(), [&](const Outcome* run) { return run->status == status; }));
}

Cell stable_seeds(const RouterRow& row) {
  const std::size_t stable = row.arm.complete.size();
  const std::size_t diverged = count_of(row.arm.runs, "diverged");
  if (diverged == 0) return {};
  return fmt::format("{}/{}", stable, stable + diverged);
}

Cell leak_of(const RouterRow& row) {
  if (row.arm.leaks) return "leaks";
  const bool is_known = std::any_of(row.arm.runs.begin(), row.arm.runs.end(),
                                    [](const Outcome* run) { return !std::isnan(run->leak); });
  return is_known ? Cell("none") : Cell();
}

using CostTo = double (*)(const Outcome& run, double target);

double mean_cost(const Arm& arm, CostTo cost_to, double target) {
  return sample_of(
             values_of(arm.complete, [&](const Outcome& run) { return cost_to(run, target); }))
      .mean;
}

// How many times as much it takes the baseline.
RouterColumn speed_up(Column column, CostTo cost_to) {
  return {std::move(column), Shown::with_target, [cost_to](const RouterRow& row) -> Cell {
            if (!row.target || row.baseline == nullptr || row.baseline->name == row.arm.name)
              return {};
            const double ratio = mean_cost(*row.baseline, cost_to, *row.target) /
                                 mean_cost(row.arm, cost_to, *row.target);
            return std::isfinite(ratio) ? Cell(ratio) : Cell();
          }};
}

// A mean over the seeds that reach the target.
RouterColumn cost(Column column, CostTo cost_to, Shown shown = Shown::with_target) {
  return {std::move(column), shown, [cost_to](const RouterRow& row) -> Cell {
            if (!row.target) return {};
            return mean_cost(row.arm, cost_to, *row.target);
          }};
}

Cell reached(const RouterRow& row) {
  if (!row.target || row.arm.complete.empty()) return {};
  const auto count = values_of(row.arm.complete, [&](const Outcome& run) {
                       return steps_to(run, *row.target);
                     }).size();
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

std::vector<RouterColumn> router_columns(const Arm* baseline, std::optional<double> target) {
  const std::string vs = "vs " + (baseline == nullptr ? "" : baseline->name);
  const std::string to = target ? fmt::format(" to {:.4g}", *target) : " to target";
  const auto of = [](Field field) { return value_of(field); };
  const auto number = [](double Difference::*field) {
    return [field](const Difference& difference) -> Cell { return difference.*field; };
  };
  return {
      {{"arm", "arm"}, Shown::always, [](const RouterRow& row) -> Cell { return row.arm.name; }},
      words({"router", "router"}, &Outcome::router),
      {{"seeds", "seeds", Kind::count},
       Shown::always,
       [](const RouterRow& row) -> Cell { return static_cast<double>(row.arm.complete.size()); }},
      sample({"eval_loss", "loss", Kind::sample, 4, Better::lower}, of(&Outcome::loss)),
      of_difference({"eval_loss_difference", vs, Kind::sample, 4, Better::lower},
                    [](const Difference& difference) -> Cell { return difference.sample; }),
      of_difference({"eval_loss_interval", "95 %", Kind::interval, 4},
                    [](const Difference& difference) -> Cell { return difference.interval; }),
      of_difference({"p_holm", "p", Kind::number, 4}, number(&Difference::p_holm)),
      of_difference({"p", "p, one test", Kind::number, 4}, number(&Difference::p), Shown::named),
      of_difference({"test", "test"}, method_of, Shown::named),
      of_difference(
          {"detectable", "detectable", Kind::number, 4},
          [](const Difference& difference) -> Cell { return difference.detectable(); },
          Shown::named),
      sample({"regret", "regret", Kind::sample, 4, Better::lower}, of(&Outcome::regret)),
      sample({"eval_accuracy", "accuracy", Kind::sample, 4, Better::higher},
             of(&Outcome::accuracy)),
      mean({"eval_domain_nmi", "NMI", Kind::number, 3}, of(&Outcome::domain_nmi)),
      mean({"drops_percent", "drops %", Kind::number, 2, Better::lower},
           of(&Outcome::drops_percent)),
      mean({"load_cv", "load CV", Kind::number, 3, Better::lower}, of(&Outcome::load_cv)),
      mean({"max_violation", "MaxVio", Kind::number, 3, Better::lower},
           of(&Outcome::max_violation)),
      mean({"normalised_entropy", "entropy", Kind::number, 3}, of(&Outcome::entropy)),
      mean({"dead_experts", "dead experts", Kind::number, 1, Better::lower},
           of(&Outcome::dead_experts)),
      option({"k", "k", Kind::count}, "k"),
      option({"capacity_factor", "capacity", Kind::number, 2}, "capacity_factor"),
      size({"parameters_total", "parameters", Kind::count}, &Outcome::parameters_total),
      size({"parameters_active", "active", Kind::count}, &Outcome::parameters_active),
      size({"flops_per_token", "FLOPs/token", Kind::count}, &Outcome::flops_per_token),
      {{"tokens_per_second", "tokens/s", Kind::count, 0, Better::higher},
       Shown::always,
       [](const RouterRow& row) -> Cell {
         return median_of(values_of(row.arm.complete, value_of(&Outcome::tokens_per_second)));
       },
       of(&Outcome::tokens_per_second)},
      cost({"steps_to_target", "steps" + to, Kind::count, 0, Better::lower}, steps_to),
      cost({"tokens_to_target", "tokens" + to, Kind::count, 0, Better::lower}, tokens_to),
      cost({"flops_to_target", "FLOPs" + to, Kind::count, 0, Better::lower}, flops_to),
      cost({"seconds_to_target", "s" + to, Kind::number, 1, Better::lower}, seconds_to,
           Shown::always),
      speed_up({"speedup_steps", "× in steps", Kind::number, 2, Better::higher}, steps_to),
      speed_up({"speedup_seconds", "× in time", Kind::number, 2, Better::higher}, seconds_to),
      {{"target_reached", "reached"}, Shown::with_target, reached},
      words({"sees", "sees"}, &Outcome::sees),
      {{"leak", "leak"}, Shown::always, leak_of},
      {{"diverged", "diverged", Kind::count},
       Shown::always,
       [](const RouterRow& row) -> Cell {
         return static_cast<double>(count_of(row.arm.runs, "diverged"));
       }},
      {{"stable_seeds", "stable seeds"}, Shown::always, stable_seeds},
  };
}

RouterColumn quantity_column(const std::string& name) {
  RouterColumn column = sample({name, name, Kind::sample, 4},
                               [name](const Outcome& run) { return run.quantity(name); });
  column.is_quantity = true;
  return column;
}

namespace {

const RouterColumn* with_key(const std::vector<RouterColumn>& columns, const std::string& key) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RouterColumn& one) { return one.column.key == key; });
  return found == columns.end() ? nullptr : &*found;
}

}  // namespace

RouterColumn find_column(const std::vector<RouterColumn>& columns, const std::string& name,
                         const std::vector<Outcome>& outcomes) {
  if (const RouterColumn* column = with_key(columns, name)) return *column;
  if (std::any_of(outcomes.begin(), outcomes.end(),
                  [&](const Outcome& run) { return run.quantities.contains(name); }))
    return quantity_column(name);
  std::vector<std::string> known = recorded_names();
  for (const RouterColumn& column : columns) known.push_back(column.column.key);
  const std::string near = nearest(name, known);
  fail(Exit::usage, "no column or recorded quantity is named '" + terminal_safe(name) + "'" +
                        (near.empty() ? "; analysis/FORMAT.md has the names of quantities"
                                      : ": did you mean " + near + "?"));
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

std::vector<std::string> quantities_among(const std::vector<std::string>& names) {
  const std::vector<RouterColumn> columns = router_columns(nullptr, std::nullopt);
  std::vector<std::string> quantities;
  for (const std::string& name : names)
    if (with_key(columns, name) == nullptr) quantities.push_back(name);
  return quantities;
}

}  // namespace moesim
