#include "experiments/import/write_trace.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/record/trace_variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace moesim {
namespace {

constexpr index kMostBounds = index{1} << 24;  // layers · (E + 1)

std::string config_of(const ForeignTrace& trace, const ImportOptions& options) {
  return fmt::format(
      "[router]\nname = imported\n\n[router.imported]\nk = {}\ncapacity_factor = {}\n"
      "capacity_rounding = ceil\ngroup = {}\nfill = {}\n",
      trace.k, config::shortest(options.capacity_factor), options.group, options.fill);
}

Variable labels_of(const std::string& name, const std::vector<std::int64_t>& labels,
                   const std::string& long_name, const std::string& description) {
  return {.name = name,
          .type = Variable::Type::int32,
          .dims = {name},
          .shape = {static_cast<std::int64_t>(labels.size())},
          .values = {labels.begin(), labels.end()},
          .texts = {},
          .long_name = long_name,
          .units = "",
          .description = description};
}

// The rows of a layer by expert, those of an expert token by token.
TraceLayer rows_of(const ForeignTrace& trace, const ForeignChoices& choices) {
  TraceLayer layer;
  const std::size_t count = choices.expert.size();
  layer.begin.assign(static_cast<std::size_t>(trace.experts) + 1, 0);
  for (const std::int32_t e : choices.expert) ++layer.begin[static_cast<std::size_t>(e) + 1];
  std::partial_sum(layer.begin.begin(), layer.begin.end(), layer.begin.begin());
  layer.token.resize(count), layer.gate.assign(count, 1);
  layer.served.assign(count, 1), layer.choice.resize(count);
  std::vector<std::size_t> next(layer.begin.begin(), layer.begin.end() - 1);
  const auto k = static_cast<std::size_t>(trace.k);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t to = next[static_cast<std::size_t>(choices.expert[i])]++;
    layer.token[to] = static_cast<std::int32_t>(i / k);
    layer.choice[to] = static_cast<std::uint8_t>(std::min<std::size_t>(i % k, 255));
    if (!choices.gate.empty()) layer.gate[to] = choices.gate[i];
  }
  return layer;
}

// Drops what capacity drops, and brings the rows of every expert into the order of service.
void apply_capacity(TraceLayer& layer, index tokens, index size, WhatIfFill fill,
                    const std::function<index(index)>& capacity) {
  const std::vector<std::int32_t> place = places_in_groups(layer, size, fill);
  std::vector<std::size_t> order(place.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const index whole = capacity(std::min(size, tokens)), rest = tokens % size;
  const index last = rest == 0 || tokens < size ? whole : capacity(rest);
  for (const std::size_t i : order) {
    const index group = layer.token[i] / size;
    const index rows = (group + 1) * size <= tokens ? whole : last;
    layer.served[i] = place[i] < rows ? 1 : 0;
  }
  const auto key = [&](std::size_t i) {
    return std::tuple(layer.served[i] == 0, layer.token[i] / size, place[i]);
  };
  for (std::size_t e = 0; e + 1 < layer.begin.size(); ++e)
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(layer.begin[e]),
              order.begin() + static_cast<std::ptrdiff_t>(layer.begin[e + 1]),
              [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  const auto reorder = [&](auto& values) {
    auto old = values;
    for (std::size_t i = 0; i < order.size(); ++i) values[i] = old[order[i]];
  };
  reorder(layer.token), reorder(layer.gate), reorder(layer.served), reorder(layer.choice);
}

LayerStatistics statistics_of(const TraceLayer& layer, index tokens) {
  LayerStatistics of;
  const std::size_t experts = layer.begin.size() - 1;
  of.demand.assign(experts, 0), of.load.assign(experts, 0), of.importance.assign(experts, 0);
  std::vector<bool> routed(static_cast<std::size_t>(tokens), false);
  for (std::size_t e = 0; e < experts; ++e)
    for (std::size_t i = layer.begin[e]; i < layer.begin[e + 1]; ++i) {
      of.demand[e] += 1;
      if (layer.served[i] == 0) continue;
      of.load[e] += 1, of.importance[e] += layer.gate[i];
      routed[static_cast<std::size_t>(layer.token[i])] = true;
    }
  of.plan = "assignment";
  of.tokens = static_cast<double>(tokens);
  of.assignments = static_cast<double>(layer.token.size());
  of.rows = std::accumulate(of.load.begin(), of.load.end(), 0.0);
  of.dropped = of.assignments - of.rows;
  of.unrouted = static_cast<double>(tokens - std::count(routed.begin(), routed.end(), true));
  return of;
}

// A block's worth at a time, so that memory holds few doubles.
void append_rows(RunFile& file, const TraceLayer& layer) {
  constexpr std::size_t kPiece = 1 << 16;
  for (std::size_t first = 0; first < layer.token.size(); first += kPiece) {
    const auto last = std::min(layer.token.size(), first + kPiece);
    const auto append = [&](const char* name, const auto& values) {
      const auto from = values.begin();
      file.append(name, std::vector<double>(from + static_cast<std::ptrdiff_t>(first),
                                            from + static_cast<std::ptrdiff_t>(last)));
    };
    append("trace_token", layer.token), append("trace_gate", layer.gate);
    append("trace_served", layer.served), append("trace_choice", layer.choice);
    file.finish_blocks();
  }
}

class TraceImport {
 public:
  TraceImport(const ForeignTrace& trace, const ImportOptions& options)
      : trace_(trace), options_(options) {
    length_ = options.length > 0 ? options.length : trace.tokens;
    capacity_.factor = options.capacity_factor;
    fill_ = options.fill == "choice"     ? WhatIfFill::choice
            : options.fill == "priority" ? WhatIfFill::priority
                                         : WhatIfFill::token;
  }

  ImportedFile run() {
    declare();
    for (std::size_t step = 0; step < trace_.steps.size(); ++step) add_step(step);
    return std::move(result_);
  }

 private:
  void declare() {
    RunFile& file = result_.file;
    const auto layers = static_cast<index>(trace_.layers.size());
    const std::string config = config_of(trace_, options_);
    Sha256 sum;
    for (const std::string& source : options_.sources) sum.add(sha256_of_file(source));
    file.attribute("moesim_schema", kRunFileSchema);
    file.attribute("run_id", options_.name);
    file.attribute("arm", options_.name);
    file.attribute("router", std::string("imported"));
    file.attribute("seed", std::int64_t{0});
    file.attribute("status", std::string("complete"));
    file.attribute("plan_kind", std::string("assignment"));
    file.attribute("config", config);
    file.attribute("config_sha256", sha256_hex(config.data(), config.size()));
    file.attribute("data_sha256", sum.hex());
    file.attribute("trace_rows", std::string("tokens"));
    file.attribute("trace_tokens", trace_.tokens);
    file.attribute("trace_length", length_);
    file.attribute("trace_pass_tokens", trace_.tokens);
    file.attribute("trace_k_max", trace_.k);
    file.attribute("trace_fixed", std::int64_t{0});
    file.attribute("trace_gates", trace_.gate);
    std::vector<std::int64_t> experts(static_cast<std::size_t>(trace_.experts));
    std::iota(experts.begin(), experts.end(), std::int64_t{0});
    file.put(labels_of("layer", trace_.layers, "MoE layer", "index of the block that carries it"));
    file.put(labels_of("expert", experts, "expert", "its number"));
    for (const char* axis : {"record", "eval"}) declare_statistics(axis);
    declare_trace(file, {.layers = layers,
                         .experts = trace_.experts,
                         .tokens = trace_.tokens,
                         .ids = !trace_.token_ids.empty(),
                         .domains = false});
  }

  // A recorded step is to tables what a record of training is, and what an evaluation is.
  static std::string prefix_of(const std::string& axis) { return axis == "eval" ? "eval_" : ""; }

  void declare_statistics(const std::string& axis) {
    RunFile& file = result_.file;
    for (const std::string& name : {axis, axis + "_step"})
      file.declare(name, Variable::Type::int64, {axis}, {}, "step", "",
                   "step whose tokens are described");
    for (const Statistic& s : all_statistics()) {
      std::vector<std::string> dims = {axis, "layer"};
      std::vector<std::int64_t> shape = {static_cast<std::int64_t>(trace_.layers.size())};
      if (s.per == Statistic::Per::expert)
        dims.push_back("expert"), shape.push_back(trace_.experts);
      file.declare(prefix_of(axis) + s.name, Variable::Type::float64, dims, shape, s.long_name,
                   s.units, s.description);
    }
  }

  void append_statistics(const std::string& axis, double label,
                         const std::vector<LayerStatistics>& layers) {
    for (const std::string& name : {axis, axis + "_step"}) result_.file.append(name, label);
    for (const Statistic& s : all_statistics()) {
      std::vector<double> row;
      for (const LayerStatistics& layer : layers) {
        const std::vector<double> values = s.get(layer);
        row.insert(row.end(), values.begin(), values.end());
      }
      result_.file.append(prefix_of(axis) + s.name, row);
    }
  }

  void add_step(std::size_t step) {
    RunFile& file = result_.file;
    const index size = options_.group == "sequence" ? length_ : trace_.tokens;
    std::vector<double> begin;
    std::vector<LayerStatistics> statistics;
    begin.reserve(trace_.layers.size() * static_cast<std::size_t>(trace_.experts + 1));
    statistics.reserve(trace_.layers.size());
    for (std::size_t i = 0; i < trace_.layers.size(); ++i) {
      TraceLayer layer = rows_of(trace_, trace_.read(step, i));
      if (capacity_.limited())
        apply_capacity(layer, trace_.tokens, size, fill_,
                       [&](index n) { return capacity_.rows(n, trace_.k, trace_.experts); });
      for (const std::size_t at : layer.begin)
        begin.push_back(static_cast<double>(next_) + static_cast<double>(at));
      next_ += static_cast<index>(layer.token.size());
      append_rows(file, layer);
      statistics.push_back(statistics_of(layer, trace_.tokens));
      result_.assignments += statistics.back().assignments;
      result_.dropped += statistics.back().dropped;
    }
    const auto label = static_cast<double>(trace_.steps[step]);
    file.append("trace_step", label);
    file.append("trace_begin", begin);
    if (!trace_.token_ids.empty())
      file.append("trace_token_id", {trace_.token_ids.begin(), trace_.token_ids.end()});
    for (const char* axis : {"record", "eval"}) append_statistics(axis, label, statistics);
    file.finish_blocks();
  }

  const ForeignTrace& trace_;
  const ImportOptions& options_;
  Capacity capacity_;
  WhatIfFill fill_ = WhatIfFill::token;
  index length_ = 0;
  index next_ = 0;  // the next row
  ImportedFile result_;
};

}  // namespace

ImportedFile import_trace(const ForeignTrace& trace, const ImportOptions& options) {
  if (static_cast<index>(trace.layers.size()) * (trace.experts + 1) > kMostBounds)
    fail(Exit::data,
         fmt::format("{}: expected at most {} experts in all layers, found {} layers of "
                     "{} experts",
                     options.sources.front(), kMostBounds, trace.layers.size(), trace.experts));
  return TraceImport(trace, options).run();
}

}  // namespace moesim
