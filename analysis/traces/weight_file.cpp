#include "analysis/traces/weight_file.hpp"

#include "analysis/traces/trace_tables.hpp"
#include "sim/core/error.hpp"
#include "sim/record/trace_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace moesim {
namespace {

constexpr std::int64_t kMostWeightRows = 1 << 20;
// Of a sum of weights in single precision.
constexpr double kTolerance = 1e-3;
constexpr double kMostWeight = 1 + kTolerance;
constexpr std::int64_t kBeyond = std::int64_t{1} << 53;  // a row that no variable has

}  // namespace

WeightFile::WeightFile(const std::string& path, Kind kind, std::optional<std::int64_t> step) {
  const bool mixing = kind == Kind::mixing;
  const std::string layer = mixing ? "trace_map_layer" : "trace_merge_layer",
                    first = mixing ? "trace_map_sequence" : "trace_merge_token";
  Excerpt excerpt;
  excerpt.attributes = {"moesim_schema", "run_id",       "router",           "plan_kind",
                        "trace_tokens",  "trace_length", "trace_pass_tokens"};
  excerpt.last_rows = {
      {layer, kMostWeightRows}, {first, kMostWeightRows}, {"trace_merge_tokens", kMostWeightRows},
      {"layer", kMostLabels},   {"expert", kMostLabels},  {"trace_step", 1}};
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
    bad(layer + " and " + first + " differ in length");
  if (const std::vector<double> steps = numbers("trace_step");
      step && !steps.empty() && steps.back() != static_cast<double>(*step))
    fail(Exit::usage, fmt::format("command line: --step {}: {} has weights of step {:.0f}", *step,
                                  path, steps.back()));
  std::set<std::int64_t> known;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::pair<std::string, double> labels[] = {
        {layer, layers[i]}, {first, places[i]}, {mixing ? first : "trace_merge_tokens", tokens[i]}};
    for (const auto& [name, value] : labels)
      if (!(value >= 0 && value < 0x1p31)) bad(name + " has a label out of range");
    rows_.push_back({static_cast<std::int64_t>(layers[i]), static_cast<std::int64_t>(places[i]),
                     static_cast<std::int64_t>(tokens[i])});
    known.insert(rows_.back().layer);
  }
  layers_.assign(known.begin(), known.end());
  check_tokens();
  check_layers();
  check_order(kind);
  check_axes(kind);
  const RunFile labelled = reader_.read(path, {{"moesim_schema"}, {{"trace_token_id", 1}}});
  if (const Variable* ids = labelled.find("trace_token_id"))
    for (const double id : ids->values) {
      if (!(id >= -1 && id < 0x1p31)) bad("trace_token_id has a number out of range");
      ids_.push_back(static_cast<std::int32_t>(id));
    }
}

void WeightFile::check_tokens() {
  std::vector<std::pair<std::string, std::int64_t>> arrays;
  for (const char* name : kTokenArrays)
    if (const std::vector<std::int64_t> shape = shape_of(name); shape.size() == 2)
      arrays.emplace_back(name, shape[1]);
  try {
    const TracedSizes sizes = traced_sizes(run_.file, arrays);
    tokens_ = sizes.tokens, length_ = sizes.length;
  } catch (const Error& problem) {
    bad(problem.what());
  }
}

// Every layer of a model has weights, unless other layers route otherwise ("assignment,mixing").
void WeightFile::check_layers() {
  const std::vector<double> known = numbers("layer");
  if (known.empty()) return;
  for (const std::int64_t layer : layers_)
    if (std::find(known.begin(), known.end(), static_cast<double>(layer)) == known.end())
      bad(fmt::format("a label of weights is layer {}, which `layer` does not have", layer));
  if (run_.file.text("plan_kind").find(',') == std::string::npos && layers_.size() != known.size())
    bad(fmt::format("weights of {} layers, and `layer` has {}", layers_.size(), known.size()));
}

// In every layer, maps are those of the sequences 0, 1, …, and merged experts follow each other from
// token 0 to the last.
void WeightFile::check_order(Kind kind) const {
  const bool mixing = kind == Kind::mixing;
  std::map<std::int64_t, std::int64_t> next;
  for (const Row& row : rows_) {
    std::int64_t& expected = next[row.layer];
    if (row.first != expected)
      bad(fmt::format("{} is {} in layer {}, where {} comes next",
                      mixing ? "trace_map_sequence" : "trace_merge_token", row.first, row.layer,
                      expected));
    if (!mixing && row.tokens < 1) bad("trace_merge_tokens has a number that is not positive");
    expected += mixing ? 1 : row.tokens;
  }
  const std::int64_t sequences = (tokens_ + length_ - 1) / length_;
  for (const auto& [layer, end] : next)
    if (mixing && (end != next.begin()->second || end > sequences))
      bad(fmt::format("trace_map_sequence has {} sequences of layer {} and {} of layer {}, of {}",
                      end, layer, next.begin()->second, next.begin()->first, sequences));
    else if (!mixing && end != tokens_)
      bad(fmt::format("trace_merge_tokens of layer {} add up to {}, and trace_tokens is {}", layer,
                      end, tokens_));
}

void WeightFile::check_axes(Kind kind) {
  const auto experts = static_cast<std::int64_t>(numbers("expert").size());
  const auto check = [&](const std::string& name, std::size_t rank, std::size_t of_experts) {
    const std::vector<std::int64_t> shape =
        shape_of(name, kind == Kind::mixing ? "trace_map_layer" : "trace_merge_layer");
    if (shape.size() != rank) bad(name + " is missing or has another shape");
    if (rank == 4 && shape[1] != length_)
      bad(fmt::format("{} has {} positions, and trace_length is {}", name, shape[1], length_));
    if (experts > 0 && shape[of_experts] != experts)
      bad(fmt::format("{} has {} experts, and `expert` has {}", name, shape[of_experts], experts));
  };
  if (kind == Kind::merging) return check("trace_merge_weight", 2, 1);
  check("trace_dispatch", 4, 2);
  check("trace_combine", 4, 2);
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

std::vector<std::int64_t> WeightFile::shape_of(const std::string& name, const std::string& labels) {
  Excerpt excerpt{{"moesim_schema"}, {{name, 1}}};
  if (!labels.empty()) excerpt.last_rows[labels] = 1;
  excerpt.first_row[name] = kBeyond;
  const RunFile part = reader_.read(run_.path, excerpt);
  const Variable* found = part.find(name);
  return found == nullptr ? std::vector<std::int64_t>() : found->shape;
}

Variable WeightFile::rows_of(const std::string& name, std::size_t first, std::int64_t count) {
  Excerpt excerpt{{"moesim_schema"}, {{name, count}}};
  excerpt.first_row[name] = static_cast<std::int64_t>(first);
  const RunFile part = reader_.read(run_.path, excerpt);
  const Variable* found = part.find(name);
  if (found == nullptr || found->values.empty()) bad("weights are missing: " + name);
  if (found->type != Variable::Type::float32 && found->type != Variable::Type::float64)
    bad(name + " is of another type than float");
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
  const auto places = static_cast<std::size_t>(shape[2] * shape[3]),
             of = static_cast<std::size_t>(shape[3]);
  // Layers with fewer experts or slots, and shorter sequences, leave places empty at the end.
  SlotMap map;
  map.tokens = static_cast<std::size_t>(std::min(length_, tokens_ - rows_[row].first * length_));
  std::vector<bool> used(places, false);
  for (std::size_t i = 0; i < map.tokens * places; ++i)
    if (!std::isnan(dispatch.values[i]) || !std::isnan(combine.values[i])) used[i % places] = true;
  for (std::size_t p = 0; p < places; ++p)
    if (used[p])
      map.slots.push_back(of == 1 ? fmt::format("{}", p) : fmt::format("{}.{}", p / of, p % of));
  if (map.slots.empty()) bad("trace_dispatch has an empty map");
  const auto weights_of = [&](const Variable& all) {
    std::vector<double> weights;
    weights.reserve(map.tokens * map.slots.size());
    for (std::size_t i = 0; i < all.values.size(); ++i) {
      const bool inside = i < map.tokens * places && used[i % places];
      if (inside == std::isnan(all.values[i]))
        bad(fmt::format("{} has {} a map", all.name,
                        inside ? "a gap inside of" : "weights beyond"));
      if (inside) weights.push_back(all.values[i]);
    }
    return weights;
  };
  map.dispatch = weights_of(dispatch), map.combine = weights_of(combine);
  const std::size_t P = map.slots.size();
  std::vector<double> slots(P, 0), tokens(map.tokens, 0);
  for (std::size_t i = 0; i < map.dispatch.size(); ++i)
    slots[i % P] += map.dispatch[i], tokens[i / P] += map.combine[i];
  check_sums("trace_dispatch", "slot", slots);
  check_sums("trace_combine", "token", tokens);
  return map;
}

void WeightFile::check_sums(const std::string& name, const char* what,
                            const std::vector<double>& sums) const {
  for (std::size_t i = 0; i < sums.size(); ++i)
    if (!(std::abs(sums[i] - 1) <= kTolerance))
      bad(fmt::format("{}: the weights of a {} sum to {:.6g}, not to 1", name, what, sums[i]));
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
      check_sums("trace_merge_weight", "merged expert",
                 {std::accumulate(weights.begin(), weights.end(), 0.0)});
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
