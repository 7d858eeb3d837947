#include "experiments/commands/export_tables.hpp"

#include "analysis/render/choose_columns.hpp"
#include "analysis/tables/ablation.hpp"
#include "analysis/tables/curves.hpp"
#include "analysis/tables/domains.hpp"
#include "analysis/tables/routers.hpp"
#include "analysis/tables/utilization.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

namespace moesim {
namespace {

Table chosen_columns(const TableRequest& request, const Table& table) {
  return request.columns.empty() ? table : with_columns(table, request.columns);
}

Table routers(const TableRequest& request) {
  const AnalysisArguments& chosen = request.chosen;
  return routers_table(chosen.request, {.baseline = chosen.baseline,
                                        .target = chosen.target_text,
                                        .at = at_of(chosen.at),
                                        .columns = request.columns,
                                        .arms = chosen.arms});
}

Table ablation(const TableRequest& request) {
  const AnalysisArguments& chosen = request.chosen;
  AblationOptions options{.baseline = chosen.baseline,
                          .target = chosen.target_text,
                          .at = at_of(chosen.at),
                          .arms = chosen.arms};
  if (!request.metric.empty()) options.metric = request.metric;
  return chosen_columns(request, ablation_table(chosen.request, options));
}

Table utilization(const TableRequest& request) {
  const AnalysisArguments& chosen = request.chosen;
  UtilizationOptions options{.at = at_of(chosen.at), .window = request.window, .arms = chosen.arms};
  if (!request.by.empty()) options.by = utilization_by(request.by);
  return chosen_columns(request, utilization_table(chosen.request, options));
}

Table domains(const TableRequest& request) {
  const AnalysisArguments& chosen = request.chosen;
  DomainsOptions options{.at = at_of(chosen.at), .arms = chosen.arms, .baseline = chosen.baseline};
  if (!request.by.empty()) options.by = domains_by(request.by);
  return chosen_columns(request, domains_table(chosen.request, options));
}

Table curves(const TableRequest& request) {
  CurvesOptions options{.arms = request.chosen.arms};
  if (!request.metric.empty()) options.quantity = request.metric;
  index layer = 0;
  if (!request.layer.empty()) {
    if (config::parse(request.layer, layer) != std::errc{} || layer < 0)
      fail(Exit::usage, "command line: --layer " + config::printable(request.layer) +
                            ": expected the number of a layer");
    options.layer = layer;
  }
  return chosen_columns(request, curves_table(request.chosen.request, options));
}

}  // namespace

std::optional<TableFormat> format_of_ending(const std::string& out) {
  constexpr auto kEndings =
      std::to_array<std::pair<std::string_view, TableFormat>>({{".txt", TableFormat::text},
                                                               {".csv", TableFormat::csv},
                                                               {".md", TableFormat::md},
                                                               {".tex", TableFormat::latex},
                                                               {".html", TableFormat::html},
                                                               {".htm", TableFormat::html},
                                                               {".json", TableFormat::json}});
  const std::string ending = std::filesystem::path(out).extension();
  for (const auto& [known, format] : kEndings)
    if (ending == known) return format;
  return std::nullopt;
}

const std::vector<TableKind>& table_kinds() {
  static const std::vector<TableKind> kinds = {
      {"routers",
       "one row per arm: loss, differences with intervals, balance, cost",
       {"arm", "baseline", "at", "target"},
       routers},
      {"utilization",
       "how evenly experts are used, by layer or by expert",
       {"arm", "at", "by", "window"},
       utilization},
      {"ablation",
       "the baseline, then one row per variant or value; two swept keys give a grid",
       {"arm", "baseline", "at", "target", "metric"},
       ablation},
      {"curves", "one row per step, the arms as columns", {"arm", "metric", "layer"}, curves},
      {"domains", "loss and load by domain of the data", {"arm", "baseline", "at", "by"}, domains},
      {"tidy", "one row per recorded number, for pandas and R; CSV alone", {"arm"}, nullptr},
  };
  return kinds;
}

const TableKind& table_kind(const std::string& name) {
  for (const TableKind& kind : table_kinds())
    if (kind.name == name) return kind;
  fail_in("export", "there is no table " + name);
}

}  // namespace moesim
