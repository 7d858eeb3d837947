#include "analysis/tables/domains.hpp"

#include "analysis/runs/arms.hpp"
#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/domain_use.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

namespace moesim {
namespace {

using By = DomainsOptions::By;
using Kind = Column::Kind;
using Better = Column::Better;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// An arm with several domains, and its complete runs.
struct ArmUse {
  const Arm* arm;
  std::vector<const DomainUse*> runs;  // of the same domains, in the same order
};

// The sample over runs of what `of` makes of each, without NaN.
Sample over_runs(const ArmUse& use, const std::function<double(const DomainUse&)>& of) {
  std::vector<double> values;
  for (const DomainUse* run : use.runs)
    if (const double value = of(*run); !std::isnan(value)) values.push_back(value);
  return sample_of(values);
}

// The mean over layers, without NaN.
double over_layers(const DomainUse& run, const std::function<double(const DomainLayer&)>& of) {
  std::vector<double> values;
  for (const DomainLayer& layer : run.layers)
    if (const double value = of(layer); !std::isnan(value)) values.push_back(value);
  return sample_of(values).mean;
}

std::size_t experts_of(const ArmUse& use) {
  const DomainUse& run = *use.runs.front();
  return run.layers.empty() ? 0 : run.layers.front().all.size();
}

Cell measure_cell(const ArmUse& use) {
  if (experts_of(use) == 0) return {};
  return use.runs.front()->measure;
}

double seeds(const ArmUse& use) { return static_cast<double>(use.runs.size()); }

// The domain names of all arms, in the order of their first appearance.
std::vector<std::string> names_of(const std::vector<ArmUse>& uses) {
  std::vector<std::string> names;
  for (const ArmUse& use : uses)
    for (const std::string& name : use.runs.front()->names)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

// Where a domain is in a run, or past the end.
std::size_t place_of(const DomainUse& run, const std::string& name) {
  return static_cast<std::size_t>(std::find(run.names.begin(), run.names.end(), name) -
                                  run.names.begin());
}

struct Rows {
  Table table = {};
  std::vector<const Arm*> arms = {};  // of each row

  void add(const ArmUse& use, std::vector<Cell> cells) {
    cells.push_back(sees_of(*use.arm));
    cells.push_back(leak_of(*use.arm));
    arms.push_back(use.arm);
    table.rows.push_back(std::move(cells));
  }
};

void add_by_domain(const std::vector<ArmUse>& uses, Rows& rows) {
  rows.table.columns = {{"arm", "arm"},
                        {"domain", "domain"},
                        {"seeds", "seeds", Kind::count},
                        {"loss", "loss", Kind::sample, 4, Better::lower},
                        {"regret", "regret", Kind::sample, 4, Better::lower},
                        {"of", "load of"},
                        {"load_percent", "load %", Kind::sample, 2},
                        {"top_expert", "top expert", Kind::sample, 3},
                        {"uniform", "1/E", Kind::number, 3},
                        {"routing_entropy", "entropy", Kind::sample, 3},
                        {"domain_nmi", "NMI", Kind::sample, 3}};
  for (const ArmUse& use : uses) {
    const auto sample = [&](const auto& of) { return over_runs(use, of); };
    const std::size_t experts = experts_of(use);
    const double uniform = experts == 0 ? kNone : 1 / static_cast<double>(experts);
    const std::vector<std::string>& names = use.runs.front()->names;
    for (std::size_t d = 0; d < names.size(); ++d) {
      const auto layers = [d](const DomainUse& run, double (*of)(const std::vector<double>&)) {
        return over_layers(run, [&](const DomainLayer& layer) { return of(layer.share[d]); });
      };
      rows.add(
          use,
          {use.arm->name, names[d], seeds(use),
           sample([d](const auto& run) { return run.loss[d]; }),
           sample([d](const auto& run) { return run.regret[d]; }), measure_cell(use),
           sample([d](const auto& run) {
             return over_layers(run, [d](const auto& layer) { return 100 * layer.part[d]; });
           }),
           sample([&](const auto& run) { return layers(run, top_share); }), uniform,
           sample([&](const auto& run) { return layers(run, normalised_entropy_of); }), kNone});
    }
    rows.add(
        use,
        {use.arm->name, "all", seeds(use), sample([](const auto& run) { return run.loss_all; }),
         sample([](const auto& run) { return run.regret_all; }), measure_cell(use), kNone,
         sample([](const auto& run) {
           return over_layers(run, [](const auto& layer) { return top_share(layer.all); });
         }),
         uniform, sample([](const auto& run) {
           return over_layers(run,
                              [](const auto& layer) { return normalised_entropy_of(layer.all); });
         }),
         sample([](const auto& run) {
           return over_layers(run, [](const auto& layer) { return layer.nmi; });
         })});
  }
}

// A column of shares for each domain; keys begin with `prefix`.
void add_domain_columns(const std::vector<std::string>& names, const std::string& prefix, Kind kind,
                        Table& table) {
  std::set<std::string> keys;
  for (const std::string& name : names)
    table.columns.push_back({prefix + key_of(name, keys), name, kind, 3});
}

// The samples of the shares of every domain, or an empty cell where the run has no such domain.
void add_shares(const ArmUse& use, const std::vector<std::string>& names, Kind kind,
                const std::function<double(const DomainUse&, std::size_t domain)>& of,
                std::vector<Cell>& cells) {
  for (const std::string& name : names) {
    const std::size_t d = place_of(*use.runs.front(), name);
    if (d == use.runs.front()->names.size()) {
      cells.emplace_back();
      continue;
    }
    const Sample sample = over_runs(use, [&](const DomainUse& run) { return of(run, d); });
    if (kind == Kind::sample)
      cells.emplace_back(sample);
    else
      cells.emplace_back(sample.mean);
  }
}

void add_by_layer(const std::vector<ArmUse>& uses, Rows& rows) {
  const std::vector<std::string> names = names_of(uses);
  rows.table.columns = {{"arm", "arm"},
                        {"layer", "layer"},
                        {"of", "of"},
                        {"seeds", "seeds", Kind::count},
                        {"domain_nmi", "NMI", Kind::sample, 3},
                        {"uniform", "1/E", Kind::number, 3}};
  add_domain_columns(names, "top_expert_", Kind::sample, rows.table);
  for (const ArmUse& use : uses)
    for (std::size_t l = 0; l < use.runs.front()->layers.size(); ++l) {
      std::vector<Cell> cells = {use.arm->name,
                                 std::to_string(use.runs.front()->layers[l].layer),
                                 measure_cell(use),
                                 seeds(use),
                                 over_runs(use, [l](const auto& run) { return run.layers[l].nmi; }),
                                 1 / static_cast<double>(experts_of(use))};
      add_shares(
          use, names, Kind::sample,
          [l](const DomainUse& run, std::size_t d) { return top_share(run.layers[l].share[d]); },
          cells);
      rows.add(use, std::move(cells));
    }
}

void add_by_expert(const std::vector<ArmUse>& uses, Rows& rows) {
  const std::vector<std::string> names = names_of(uses);
  rows.table.columns = {{"arm", "arm"},
                        {"layer", "layer"},
                        {"expert", "expert"},
                        {"of", "of"},
                        {"seeds", "seeds", Kind::count},
                        {"uniform", "1/E", Kind::number, 3},
                        {"share_all", "all", Kind::number, 3}};
  add_domain_columns(names, "share_", Kind::number, rows.table);
  for (const ArmUse& use : uses)
    for (std::size_t l = 0; l < use.runs.front()->layers.size(); ++l)
      for (std::size_t e = 0; e < experts_of(use); ++e) {
        std::vector<Cell> cells = {
            use.arm->name,
            std::to_string(use.runs.front()->layers[l].layer),
            std::to_string(e),
            measure_cell(use),
            seeds(use),
            1 / static_cast<double>(experts_of(use)),
            over_runs(use, [l, e](const auto& run) { return run.layers[l].all[e]; }).mean};
        add_shares(
            use, names, Kind::number,
            [l, e](const DomainUse& run, std::size_t d) { return run.layers[l].share[d][e]; },
            cells);
        rows.add(use, std::move(cells));
      }
}

// True if both have the same domains, layers and experts, so that they can be averaged.
bool alike(const DomainUse& a, const DomainUse& b) {
  return a.names == b.names && a.layers.size() == b.layers.size() &&
         (a.layers.empty() || a.layers[0].all.size() == b.layers[0].all.size());
}

std::string what_is_shown(By by) {
  if (by == By::domain)
    return "top expert: share of the domain's load at its most used expert; entropy: of those "
           "shares, over log E; NMI: mutual information of expert and domain over the entropy of "
           "the domain; all are means over layers";
  if (by == By::layer)
    return "share of each domain's load at its most used expert; 1/E without any preference";
  return "share of each domain's load that goes to the expert; where k experts take each token, "
         "assignments per token are k times as large";
}

}  // namespace

DomainsOptions::By domains_by(const std::string& text) {
  if (text == "domain") return By::domain;
  if (text == "layer") return By::layer;
  if (text == "expert") return By::expert;
  fail(Exit::usage, "--by " + config::printable(text) + ": expected domain, layer or expert");
}

Table domains_table(const Request& request, const DomainsOptions& options) {
  std::vector<DomainUse> used;
  const Loaded loaded =
      load_runs(request, domain_excerpt(options.at), [&](const Run& run, std::size_t outcome) {
        used.resize(outcome + 1);
        used[outcome] = domain_use_of(run, options.at);
      });
  used.resize(loaded.outcomes.size());

  const std::vector<Arm> arms = arms_named(arms_of(loaded.outcomes), options.arms);
  std::vector<ArmUse> uses;
  std::vector<std::string> without, unlike, dense;
  bool complete = false, evaluated = false;
  for (const Arm& arm : arms) {
    ArmUse use{&arm, {}};
    for (const Outcome* run : arm.complete) {
      const DomainUse& of = used[static_cast<std::size_t>(run - loaded.outcomes.data())];
      complete = true;
      evaluated |= of.evaluated;
      if (of.names.empty()) continue;
      if (use.runs.empty() || alike(*use.runs.front(), of))
        use.runs.push_back(&of);
      else if (unlike.empty() || unlike.back() != arm.name)
        unlike.push_back(arm.name);
    }
    if (use.runs.empty() && !arm.complete.empty()) without.push_back(arm.name);
    if (use.runs.empty()) continue;
    if (experts_of(use) == 0) dense.push_back(arm.name);
    if (experts_of(use) > 0 || options.by == By::domain) uses.push_back(std::move(use));
  }
  if (complete && !evaluated)
    fail(Exit::usage, options.at.kind == At::Kind::step
                          ? fmt::format("--at {}: no complete run has an evaluation after so many "
                                        "steps; take last, best or a step of --table curves",
                                        options.at.step)
                          : std::string("no complete run has an evaluation; set eval.every"));
  if (complete && uses.empty() && dense.empty())
    fail(Exit::data,
         "no run has domains, because its data has none: set data.domains (synthetic), or give "
         "the files of data labels (text)");

  Rows rows;
  rows.table.name = "domains";
  if (options.by == By::domain) add_by_domain(uses, rows);
  if (options.by == By::layer) add_by_layer(uses, rows);
  if (options.by == By::expert) add_by_expert(uses, rows);
  rows.table.columns.push_back({"sees", "sees"});
  rows.table.columns.push_back({"leak", "leak"});
  Table& table = rows.table;
  mark_leaks(table, rows.arms);
  table.notes.push_back(what_is_shown(options.by));
  const auto list = [&](const std::string& title, const std::vector<std::string>& names) {
    if (!names.empty()) table.notes.push_back(title + ": " + joined(names));
  };
  list("without domains", without);
  list("no load by domain, because no layer has several experts", dense);
  list("runs with other domains or experts than the first of their arm, left out", unlike);
  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  for (std::string& line : left_out_of(arms)) table.notes.push_back(std::move(line));
  return std::move(rows.table);
}

}  // namespace moesim
