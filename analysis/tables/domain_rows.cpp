#include "analysis/tables/domain_rows.hpp"

#include "analysis/statistics/sample.hpp"
#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/held_out.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

namespace moesim {
namespace {

using Kind = Column::Kind;
using Better = Column::Better;

// Returns the sample over runs of the value `of` computes, without NaN.
Sample over_runs(const ArmDomains& use, const std::function<double(const DomainUse&)>& of) {
  std::vector<double> values;
  for (const DomainUse* run : use.runs)
    if (const double value = of(*run); !std::isnan(value)) values.push_back(value);
  return sample_of(values);
}

// Returns the mean over layers, without NaN.
double over_layers(const DomainUse& run, const std::function<double(const DomainLayer&)>& of) {
  std::vector<double> values;
  for (const DomainLayer& layer : run.layers)
    if (const double value = of(layer); !std::isnan(value)) values.push_back(value);
  return sample_of(values).mean;
}

Cell measure_cell(const ArmDomains& use) {
  if (experts_of(use) == 0) return {};
  return use.runs.front()->measure;
}

double seeds(const ArmDomains& use) { return static_cast<double>(use.runs.size()); }

// Returns the domain names of all arms, in order of first appearance.
std::vector<std::string> names_of(const std::vector<ArmDomains>& uses) {
  std::vector<std::string> names;
  for (const ArmDomains& use : uses)
    for (const std::string& name : use.runs.front()->names)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

// Returns the index of a domain in a run, or the number of domains if it is missing.
std::size_t place_of(const DomainUse& run, const std::string& name) {
  return static_cast<std::size_t>(std::find(run.names.begin(), run.names.end(), name) -
                                  run.names.begin());
}

// Adds a column of shares per domain; keys begin with `prefix`.
void add_domain_columns(const std::vector<std::string>& names, const std::string& prefix, Kind kind,
                        Table& table) {
  std::set<std::string> keys;
  for (const std::string& name : names)
    table.columns.push_back({prefix + key_of(name, keys), name, kind, 3});
}

// Adds the sample of shares per domain, or an empty cell if the run lacks the domain.
void add_shares(const ArmDomains& use, const std::vector<std::string>& names, Kind kind,
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

}  // namespace

std::size_t experts_of(const ArmDomains& use) {
  const DomainUse& run = *use.runs.front();
  return run.layers.empty() ? 0 : run.layers.front().all.size();
}

void DomainRows::add(const ArmDomains& use, std::vector<Cell> cells) {
  cells.push_back(sees_of(*use.arm));
  cells.push_back(leak_of(*use.arm));
  arms.push_back(use.arm);
  table.rows.push_back(std::move(cells));
}

namespace {

// Cells of a loss: the loss itself is the fourth cell of a row, these are its last ones.
void add_comparison(const ArmDomains& use, const ArmDomains* baseline, const DomainLossOf& loss,
                    std::vector<Cell>& cells) {
  Difference difference;
  if (baseline != nullptr && baseline != &use) difference = loss_difference(use, *baseline, loss);
  const bool compared = difference.method != Difference::Method::none;
  cells.push_back(compared ? Cell(difference.sample) : Cell());
  cells.push_back(compared ? Cell(difference.interval) : Cell());
}

// Adds the rows of the trained and of the held-out domains, if the arm has both.
void add_held_out(const ArmDomains& use, const ArmDomains* baseline, DomainRows& rows) {
  const std::vector<bool> held_out = held_out_of(use);
  if (held_out.empty()) return;
  for (const bool which : {false, true}) {
    const DomainLossOf loss = loss_over(held_out, which);
    std::vector<Cell> cells = {use.arm->name, which ? "all held out" : "all trained", seeds(use),
                               over_runs(use, loss)};
    cells.resize(11);  // no loads
    cells.emplace_back(which ? "yes" : "no");
    add_comparison(use, baseline, loss, cells);
    const bool has_ratio = which && baseline != nullptr && baseline != &use;
    const RatioEstimate ratio = has_ratio ? gain_ratio(use, *baseline) : RatioEstimate();
    cells.push_back(ratio.measurable ? Cell(ratio.value) : Cell("not measurable"));
    cells.emplace_back(ratio.interval);
    rows.add(use, std::move(cells));
  }
}

}  // namespace

void add_by_domain(const std::vector<ArmDomains>& uses, const ArmDomains* baseline,
                   DomainRows& rows) {
  rows.table.columns = {
      {"arm", "arm"},
      {"domain", "domain"},
      {"seeds", "seeds", Kind::count},
      {"loss", "loss", Kind::sample, 4, Better::lower},
      {"regret", "regret", Kind::sample, 4, Better::lower},
      {"of", "load of"},
      {"load_percent", "load %", Kind::sample, 2},
      {"top_expert", "top expert", Kind::sample, 3},
      {"uniform", "1/E", Kind::number, 3},
      {"routing_entropy", "entropy", Kind::sample, 3},
      {"domain_nmi", "NMI", Kind::sample, 3},
      {"held_out", "held out"},
      {"loss_difference", "vs " + (baseline == nullptr ? "baseline" : baseline->arm->name),
       Kind::sample, 4, Better::lower},
      {"loss_interval", "95 %", Kind::interval, 4},
      {"gain_ratio", "gain held out / trained", Kind::number, 2},
      {"gain_ratio_interval", "95 % of it", Kind::interval, 2}};
  for (const ArmDomains& use : uses) {
    const auto sample = [&](const auto& of) { return over_runs(use, of); };
    const std::size_t experts = experts_of(use);
    const double uniform = experts == 0 ? kNone : 1 / static_cast<double>(experts);
    const std::vector<std::string>& names = use.runs.front()->names;
    const std::vector<bool> held_out = held_out_of(use);
    const auto add = [&](std::vector<Cell> cells, const DomainLossOf& loss,
                         const std::string& held) {
      cells.emplace_back(held);
      add_comparison(use, baseline, loss, cells);
      cells.emplace_back();
      cells.emplace_back();
      rows.add(use, std::move(cells));
    };
    for (std::size_t d = 0; d < names.size(); ++d) {
      const auto layers = [d](const DomainUse& run, double (*of)(const std::vector<double>&)) {
        return over_layers(run, [&](const DomainLayer& layer) { return of(layer.share[d]); });
      };
      const DomainLossOf loss = [d](const DomainUse& run) {
        return d < run.loss.size() ? run.loss[d] : kNone;
      };
      add({use.arm->name, names[d], seeds(use), sample(loss),
           sample([d](const auto& run) { return run.regret[d]; }), measure_cell(use),
           sample([d](const auto& run) {
             return over_layers(run, [d](const auto& layer) { return 100 * layer.part[d]; });
           }),
           sample([&](const auto& run) { return layers(run, top_share); }), uniform,
           sample([&](const auto& run) { return layers(run, normalised_entropy_of); }), kNone},
          loss,
          held_out.empty() ? ""
          : held_out[d]    ? "yes"
                           : "no");
    }
    const DomainLossOf loss = [](const DomainUse& run) { return run.loss_all; };
    add({use.arm->name, "all", seeds(use), sample(loss),
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
         })},
        loss, "");
    add_held_out(use, baseline, rows);
  }
}

void add_by_layer(const std::vector<ArmDomains>& uses, DomainRows& rows) {
  const std::vector<std::string> names = names_of(uses);
  rows.table.columns = {{"arm", "arm"},
                        {"layer", "layer"},
                        {"of", "of"},
                        {"seeds", "seeds", Kind::count},
                        {"domain_nmi", "NMI", Kind::sample, 3},
                        {"uniform", "1/E", Kind::number, 3}};
  add_domain_columns(names, "top_expert_", Kind::sample, rows.table);
  for (const ArmDomains& use : uses)
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

void add_by_expert(const std::vector<ArmDomains>& uses, DomainRows& rows) {
  const std::vector<std::string> names = names_of(uses);
  rows.table.columns = {{"arm", "arm"},
                        {"layer", "layer"},
                        {"expert", "expert"},
                        {"of", "of"},
                        {"seeds", "seeds", Kind::count},
                        {"uniform", "1/E", Kind::number, 3},
                        {"share_all", "all", Kind::number, 3}};
  add_domain_columns(names, "share_", Kind::number, rows.table);
  for (const ArmDomains& use : uses)
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

}  // namespace moesim
