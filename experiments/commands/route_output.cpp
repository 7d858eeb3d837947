#include "experiments/commands/route_output.hpp"

#include "analysis/traces/token_text.hpp"
#include "experiments/commands/route_texts.hpp"
#include "experiments/sweep/runs.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"
#include "sim/record/reader.hpp"
#include "sim/train/trace_recorder.hpp"
#include "sim/train/weight_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace moesim {
namespace {

index most_experts_of(const StepTrace& trace) {
  index most = 0;
  for (const LayerTrace& layer : trace.layers) most = std::max(most, layer.experts);
  return most;
}

}  // namespace

RunFile route_file(const StepTrace& trace, const RoutedWeights& weights, const std::string& folder,
                   LoadedRun& loaded) {
  Experiment& e = loaded.e;
  RunFile file;
  file.attribute("moesim_schema", kRunFileSchema);
  file.attribute("run_id", name_of_folder(folder));
  file.attribute("arm", e.spec.label);
  file.attribute("router", e.model->config().router);
  file.attribute("seed", static_cast<std::int64_t>(e.run.seed));
  file.attribute("config", without_root(read_file(folder + "/config.ini")));
  file.attribute("config_sha256", loaded.info.config_sha256);
  file.attribute("data_sha256", loaded.info.data_sha256);
  e.recorder->describe_settings(e.spec.settings);
  const RunFile& described = e.recorder->file();
  for (const std::string& name : described.attribute_order())
    if (is_setting_name(name)) file.attribute(name, described.attributes().at(name));
  for (const char* name : {"layer", "expert", "domain"})
    if (const Variable* labels = described.find(name)) file.put(*labels);
  TraceWriter writer({.layers = static_cast<index>(trace.layers.size()),
                      .experts = most_experts_of(trace),
                      .tokens = trace.tokens,
                      .ids = !trace.ids.empty(),
                      .domains = !trace.domains.empty(),
                      .losses = !trace.losses.empty()});
  writer.declare(file);
  writer.append(file, loaded.info.step, trace);
  put_weights(file, weights, most_experts_of(trace));
  put_vocabulary(file, *e.data, trace.ids);
  return file;
}

Table route_table(const StepTrace& trace, const Experiment& e) {
  using ColumnKind = Column::Kind;
  Table table;
  table.name = "route";
  table.columns = {
      {"sequence", "sequence", ColumnKind::count}, {"position", "position", ColumnKind::count},
      {"token_id", "token id", ColumnKind::count}, {"token", "token", ColumnKind::text},
      {"layer", "layer", ColumnKind::count},       {"expert", "expert", ColumnKind::count},
      {"choice", "choice", ColumnKind::count},     {"gate", "gate", ColumnKind::number, 6},
      {"served", "served", ColumnKind::count},     {"order", "order", ColumnKind::count},
      {"loss", "loss", ColumnKind::number, 6}};
  struct Line {
    index token, layer, order;
    TraceRow row;
  };
  std::vector<Line> lines;
  for (std::size_t i = 0; i < trace.layers.size(); ++i) {
    index order = 0;
    const std::vector<TraceRow>& rows = trace.layers[i].rows;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      order = r > 0 && rows[r].expert == rows[r - 1].expert ? order + 1 : 0;
      lines.push_back({rows[r].token, e.model->moe_blocks()[i], order, rows[r]});
    }
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tuple(a.token, a.layer, a.row.choice) < std::tuple(b.token, b.layer, b.row.choice);
  });
  const auto number = [](auto value) { return Cell(static_cast<double>(value)); };
  table.rows.reserve(lines.size());
  for (const Line& line : lines) {
    Cell id, text;
    if (!trace.ids.empty()) {
      const std::int32_t token = trace.ids[static_cast<std::size_t>(line.token)];
      id = number(token);
      text = escaped_token(text_of_token(*e.data, token));
    }
    table.rows.push_back(
        {number(line.token / trace.length), number(line.token % trace.length), id, text,
         number(line.layer), number(line.row.expert), number(line.row.choice),
         number(line.row.gate), number(line.row.served ? 1 : 0), number(line.order),
         trace.losses.empty() ? Cell()
                              : number(trace.losses[static_cast<std::size_t>(line.token)])});
  }
  return table;
}

void require_assignments(const StepTrace& trace, const RoutedWeights& weights,
                         const std::string& router, const std::string& out) {
  for (const LayerTrace& layer : trace.layers)
    if (layer.kind == LayerTrace::Rows::tokens) return;
  const bool has_weights = !weights.mixings.empty() || !weights.mergings.empty();
  fail(Exit::usage,
       fmt::format("command line: --out {}: a table lists assignments of tokens to experts, and "
                   "router {} has none; name a file that ends in .h5, which has {}",
                   out, router, has_weights ? "its weights" : "the tokens and their losses only"));
}

RouteCounts counts_of(const StepTrace& trace, const RoutedWeights& weights) {
  RouteCounts counts{.layers = trace.layers.size()};
  for (const LayerTrace& layer : trace.layers) {
    counts.assignments += layer.rows.size();
    counts.dropped += static_cast<std::size_t>(std::count_if(
        layer.rows.begin(), layer.rows.end(), [](const TraceRow& row) { return !row.served; }));
  }
  for (const PassWeights<MixingMap>& one : weights.mixings) counts.maps += one.map.sequences;
  for (const PassWeights<MergingMap>& one : weights.mergings)
    counts.merged += static_cast<index>(one.map.offset.size()) - 1;
  return counts;
}

std::string text_of(const RouteCounts& counts) {
  const std::string in = " in " + counted(counts.layers, "layer");
  if (counts.assignments == 0 && counts.maps > 0)
    return counted(counts.maps, "map") + " of dispatch and combine weights" + in;
  if (counts.assignments == 0 && counts.merged > 0)
    return counted(counts.merged, "merged expert") + in;
  return counted(counts.assignments, "assignment") + in +
         fmt::format(", {} dropped", counts.dropped);
}

}  // namespace moesim
