#include "analysis/tables/domains.hpp"

#include "analysis/runs/arms.hpp"
#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/domain_rows.hpp"
#include "analysis/tables/held_out.hpp"
#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// Returns true if both have the same domains, layers and experts and can be averaged.
bool alike(const DomainUse& a, const DomainUse& b) {
  return a.names == b.names && a.layers.size() == b.layers.size() &&
         (a.layers.empty() || a.layers[0].all.size() == b.layers[0].all.size());
}

std::string what_is_shown(DomainsOptions::By by) {
  if (by == DomainsOptions::By::domain)
    return "top expert: share of the domain's load at its most used expert; entropy: of those "
           "shares, over log E; NMI: mutual information of expert and domain over the entropy of "
           "the domain; all are means over layers";
  if (by == DomainsOptions::By::layer)
    return "share of each domain's load at its most used expert; 1/E without any preference";
  return "share of each domain's load that goes to the expert; where k experts take each token, "
         "assignments per token are k times as large";
}

}  // namespace

DomainsOptions::By domains_by(const std::string& text) {
  config::require_choice("--by", text, {"domain", "layer", "expert"});
  if (text == "domain") return DomainsOptions::By::domain;
  if (text == "layer") return DomainsOptions::By::layer;
  return DomainsOptions::By::expert;
}

Table domains_table(const Request& request, const DomainsOptions& options) {
  std::vector<DomainUse> used;
  const Loaded loaded =
      load_runs(request, domain_excerpt(options.at), [&](const Run& run, std::size_t outcome) {
        used.resize(outcome + 1);
        used[outcome] = domain_use_of(run, options.at);
      });
  used.resize(loaded.outcomes.size());

  const std::vector<Arm> all = arms_of(loaded.outcomes);
  const Arm* baseline = baseline_of(all, options.baseline);
  const std::vector<Arm> arms = arms_named(all, options.arms);
  std::vector<ArmDomains> uses;
  std::vector<std::string> without, unlike, dense;
  bool complete = false, evaluated = false;
  for (const Arm& arm : arms) {
    ArmDomains use{&arm};
    for (const Outcome* run : arm.complete) {
      const DomainUse& of = used[static_cast<std::size_t>(run - loaded.outcomes.data())];
      complete = true;
      evaluated |= of.evaluated;
      if (of.names.empty()) continue;
      if (use.runs.empty() || alike(*use.runs.front(), of))
        use.runs.push_back(&of), use.seeds.push_back(run->seed);
      else if (unlike.empty() || unlike.back() != arm.name)
        unlike.push_back(arm.name);
    }
    if (use.runs.empty() && !arm.complete.empty()) without.push_back(arm.name);
    if (use.runs.empty()) continue;
    if (experts_of(use) == 0) dense.push_back(arm.name);
    if (experts_of(use) > 0 || options.by == DomainsOptions::By::domain)
      uses.push_back(std::move(use));
  }
  if (complete && !evaluated)
    fail(Exit::usage,
         options.at.kind == At::Kind::step
             ? fmt::format("--at {}: no complete run has an evaluation after that many "
                           "steps; take last, best or a step of --table curves",
                           options.at.step)
             : std::string("no complete run has an evaluation; set eval.every"));
  if (complete && uses.empty() && dense.empty())
    fail(Exit::data,
         "no run has domains, because its data has none: set data.domains (synthetic), or give "
         "the files of data labels (text)");

  DomainRows rows;
  rows.table.name = "domains";
  const auto compared = std::find_if(uses.begin(), uses.end(), [&](const ArmDomains& use) {
    return baseline != nullptr && use.arm->name == baseline->name;
  });
  if (options.by == DomainsOptions::By::domain)
    add_by_domain(uses, compared == uses.end() ? nullptr : &*compared, rows);
  if (options.by == DomainsOptions::By::layer) add_by_layer(uses, rows);
  if (options.by == DomainsOptions::By::expert) add_by_expert(uses, rows);
  rows.table.columns.push_back({"sees", "sees"});
  rows.table.columns.push_back({"leak", "leak"});
  Table& table = rows.table;
  mark_leaks(table, rows.arms);
  table.notes.push_back(what_is_shown(options.by));
  if (options.by == DomainsOptions::By::domain &&
      std::any_of(uses.begin(), uses.end(),
                  [](const auto& use) { return !held_out_of(use).empty(); }))
    table.notes.push_back(
        "held out: without training data (data.held_out); all trained, all held out: over the "
        "predictions in these domains; gain: loss of the baseline - loss, by common seed");
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
