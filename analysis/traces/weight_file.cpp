#include "analysis/traces/weight_file.hpp"

#include "analysis/traces/trace_tables.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace moesim {
namespace {

constexpr std::int64_t kMostWeightRows = 1 << 20;
// Weights are in single precision.
constexpr double kMostWeight = 1 + 1e-3;

}  // namespace

WeightFile::WeightFile(const std::string& path, Kind kind, std::optional<std::int64_t> step) {
  const bool mixing = kind == Kind::mixing;
  const std::string layer = mixing ? "trace_map_layer" : "trace_merge_layer",
                    first = mixing ? "trace_map_sequence" : "trace_merge_token";
  Excerpt excerpt;
  excerpt.attributes = {"moesim_schema", "run_id", "router", "trace_length"};
  excerpt.last_rows = {{layer, kMostWeightRows},
                       {first, kMostWeightRows},
                       {"trace_merge_tokens", kMostWeightRows},
                       {"trace_step", 1}};
  run_ = read_run(path, reader_, excerpt);
  const std::vector<double> layers = numbers(layer), places = numbers(first),
                            tokens = mixing ? places : numbers("trace_merge_tokens");
  if (layers.empty())
    throw NoAssignments(
        path + ": no " + (mixing ? "dispatch and combine" : "merge") +
        " weights; trace a checkpoint of a run of router " +
        (mixing ? "soft with moesim route RUN --split validation --out FILE.h5"
                : "lory or smear with moesim route RUN --split validation --out FILE.h5"));
  if (layers.size() >= static_cast<std::size_t>(kMostWeightRows))
    bad(fmt::format("{} rows of weights or more; trace fewer --batches", kMostWeightRows));
  if (places.size() != layers.size() || tokens.size() != layers.size())
    bad("its weights and their labels differ in number");
  if (const std::vector<double> steps = numbers("trace_step");
      step && !steps.empty() && steps.back() != static_cast<double>(*step))
    fail(Exit::usage, fmt::format("command line: --step {}: {} has weights of step {:.0f}", *step,
                                  path, steps.back()));
  std::set<std::int64_t> known;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const double value : {layers[i], places[i], tokens[i]})
      if (!(value >= 0 && value < 0x1p31)) bad("a label is out of range");
    rows_.push_back({static_cast<std::int64_t>(layers[i]), static_cast<std::int64_t>(places[i]),
                     static_cast<std::int64_t>(tokens[i])});
    known.insert(rows_.back().layer);
  }
  layers_.assign(known.begin(), known.end());
  const double length = run_.number("trace_length");
  if (!(length >= 1 && length < 0x1p31)) bad("a bad trace_length");
  length_ = static_cast<std::int64_t>(length);
  const RunFile labelled = reader_.read(path, {{"moesim_schema"}, {{"trace_token_id", 1}}});
  if (const Variable* ids = labelled.find("trace_token_id"))
    for (const double id : ids->values) {
      if (!(id >= -1 && id < 0x1p31)) bad("trace_token_id has a number out of range");
      ids_.push_back(static_cast<std::int32_t>(id));
    }
}

std::string WeightFile::name() const {
  const std::string id = run_.file.text("run_id");
  return id.empty() ? run_.path : id;
}

void WeightFile::bad(const std::string& what) const { fail(Exit::data, run_.path + ": " + what); }

std::vector<double> WeightFile::numbers(const std::string& name) const {
  const Variable* found = run_.file.find(name);
  if (found == nullptr) return {};
  if (found->dims.size() != 1 || found->type == Variable::Type::text)
    bad(name + " is not a list of numbers");
  return found->values;
}

Variable WeightFile::rows_of(const std::string& name, std::size_t first, std::int64_t count) {
  Excerpt excerpt{{"moesim_schema"}, {{name, count}}};
  excerpt.first_row[name] = static_cast<std::int64_t>(first);
  const RunFile part = reader_.read(run_.path, excerpt);
  const Variable* found = part.find(name);
  if (found == nullptr || found->type == Variable::Type::text || found->values.empty())
    bad("weights are missing: " + name);
  for (const double weight : found->values)
    if (!std::isnan(weight) && !(weight >= 0 && weight <= kMostWeight))
      bad(name + " has a weight out of range");
  return *found;
}

SlotMap WeightFile::slot_map(std::size_t row) {
  const Variable dispatch = rows_of("trace_dispatch", row, 1),
                 combine = rows_of("trace_combine", row, 1);
  const std::vector<std::int64_t>& shape = dispatch.shape;
  if (shape.size() != 4 || combine.shape != shape) bad("trace_dispatch has another shape");
  const auto places = static_cast<std::size_t>(shape[2] * shape[3]);
  SlotMap map;
  // Layers with fewer experts or slots, and shorter sequences, leave places empty.
  std::vector<std::size_t> used;
  for (std::size_t p = 0; p < places; ++p)
    if (!std::isnan(dispatch.values[p])) {
      used.push_back(p);
      const std::size_t of = static_cast<std::size_t>(shape[3]), e = p / of, slot = p % of;
      map.slots.push_back(of == 1 ? fmt::format("{}", e) : fmt::format("{}.{}", e, slot));
    }
  if (used.empty()) bad("trace_dispatch has an empty map");
  while (map.tokens < static_cast<std::size_t>(shape[1]) &&
         !std::isnan(dispatch.values[map.tokens * places + used[0]]))
    ++map.tokens;
  for (std::size_t t = 0; t < map.tokens; ++t)
    for (const std::size_t p : used) {
      map.dispatch.push_back(dispatch.values[t * places + p]);
      map.combine.push_back(combine.values[t * places + p]);
      if (std::isnan(map.dispatch.back() + map.combine.back()))
        bad("trace_dispatch has a gap inside of a map");
    }
  return map;
}

std::vector<std::vector<double>> WeightFile::merge_weights() {
  constexpr std::size_t kSlice = 64;  // rows of at most kMostLabels weights
  std::vector<std::vector<double>> all;
  while (all.size() < rows_.size()) {
    const Variable part = rows_of("trace_merge_weight", all.size(), kSlice);
    if (part.shape.size() != 2) bad("trace_merge_weight has another shape");
    const auto experts = static_cast<std::ptrdiff_t>(part.shape[1]);
    for (auto at = part.values.begin(); at != part.values.end(); at += experts) {
      std::vector<double> weights(at, at + experts);
      while (!weights.empty() && std::isnan(weights.back())) weights.pop_back();
      if (weights.empty() || std::any_of(weights.begin(), weights.end(),
                                         [](double weight) { return std::isnan(weight); }))
        bad("trace_merge_weight has a gap");
      all.push_back(std::move(weights));
    }
  }
  if (all.size() != rows_.size()) bad("trace_merge_weight has another number of rows");
  return all;
}

void each_weight_file(const std::vector<std::string>& paths, Table& table, WeightFile::Kind kind,
                      std::optional<std::int64_t> step,
                      const std::function<void(WeightFile&)>& use) {
  bool used = false;
  std::string first;
  for (const std::string& path : find_runs(paths)) try {
      WeightFile file(path, kind, step);
      use(file);
      used = true;
    } catch (const NoAssignments& none) {
      if (first.empty()) first = none.what();
      add_note(table, std::string("left out: ") + none.what());
    }
  if (!used) throw NoAssignments(first);
}

double weight_entropy(const std::vector<double>& weights) {
  double sum = 0, entropy = 0;
  for (const double weight : weights) sum += weight;
  for (const double weight : weights)
    if (weight > 0) entropy -= weight / sum * std::log(weight / sum);
  return entropy;
}

}  // namespace moesim
