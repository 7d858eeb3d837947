#include "sim/train/weight_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

using Type = Variable::Type;

// One sequence of a map as a row [length, experts, slots] of the file; what it lacks is NaN.
std::vector<double> row_of(const std::vector<float>& weights, const MixingMap& map, index sequence,
                           const std::vector<std::int64_t>& shape) {
  std::vector<double> row(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]), kMissing);
  auto from = static_cast<std::size_t>(sequence * map.length * map.experts * map.slots);
  for (index t = 0; t < map.length; ++t)
    for (index e = 0; e < map.experts; ++e)
      for (index slot = 0; slot < map.slots; ++slot)
        row[static_cast<std::size_t>((t * shape[1] + e) * shape[2] + slot)] =
            static_cast<double>(weights[from++]);
  return row;
}

void put_mixings(RunFile& file, const RoutedWeights& weights, index experts) {
  index length = 0, slots = 0;
  for (const PassWeights<MixingMap>& one : weights.mixings)
    length = std::max(length, one.map.length), slots = std::max(slots, one.map.slots);
  const std::vector<std::int64_t> shape = {length, experts, slots};
  file.declare("trace_map_sequence", Type::int64, {"trace_map"}, {}, "sequence", "",
               "place of the sequence in the trace");
  file.declare("trace_map_layer", Type::int64, {"trace_map"}, {}, "layer", "", "its block");
  const std::vector<std::string> dims = {"trace_map", "position", "expert", "slot"};
  file.declare("trace_dispatch", Type::float32, dims, shape, "dispatch weight", "",
               "of a token in a slot; sums to 1 over tokens");
  file.declare("trace_combine", Type::float32, dims, shape, "combine weight", "",
               "of a slot's output in a token's; sums to 1 over slots");
  for (const PassWeights<MixingMap>& one : weights.mixings) {
    for (index s = 0; s < one.map.sequences; ++s) {
      file.append("trace_map_sequence", static_cast<double>(one.first + s));
      file.append("trace_map_layer", static_cast<double>(one.layer));
      file.append("trace_dispatch", row_of(one.map.dispatch, one.map, s, shape));
      file.append("trace_combine", row_of(one.map.combine, one.map, s, shape));
    }
    file.finish_blocks();
  }
}

void put_mergings(RunFile& file, const RoutedWeights& weights, index experts) {
  file.declare("trace_merge_layer", Type::int64, {"trace_merge"}, {}, "layer", "", "its block");
  file.declare("trace_merge_token", Type::int64, {"trace_merge"}, {}, "first token", "",
               "of the tokens that share the merged expert");
  file.declare("trace_merge_tokens", Type::int64, {"trace_merge"}, {}, "tokens", "",
               "that share the merged expert");
  file.declare("trace_merge_weight", Type::float32, {"trace_merge", "expert"}, {experts},
               "merge weight", "", "of an expert in the merged one");
  for (const PassWeights<MergingMap>& one : weights.mergings) {
    for (std::size_t g = 0; g + 1 < one.map.offset.size(); ++g) {
      std::vector<double> row(static_cast<std::size_t>(experts), kMissing);
      const auto own = static_cast<std::size_t>(one.map.experts);
      std::copy_n(one.map.weight.begin() + static_cast<std::ptrdiff_t>(g * own), own, row.begin());
      file.append("trace_merge_layer", static_cast<double>(one.layer));
      file.append("trace_merge_token", static_cast<double>(one.first + one.map.offset[g]));
      file.append("trace_merge_tokens",
                  static_cast<double>(one.map.offset[g + 1] - one.map.offset[g]));
      file.append("trace_merge_weight", row);
    }
    file.finish_blocks();
  }
}

}  // namespace

void put_weights(RunFile& file, const RoutedWeights& weights, index experts) {
  if (!weights.plan.empty()) file.attribute("plan_kind", weights.plan);
  if (!weights.mixings.empty()) put_mixings(file, weights, experts);
  if (!weights.mergings.empty()) put_mergings(file, weights, experts);
}

std::string missing_weights(const RoutedWeights& weights) {
  if (weights.plan == "custom")
    return "this router runs its experts itself (a custom plan), so that there are no assignments "
           "to "
           "list";
  if (weights.unordered)
    return "groups of this router are not sequences: the file has no dispatch and combine weights";
  if (weights.bytes_each == 0 || weights.written == weights.sequences) return "";
  return fmt::format(
      "dispatch and combine weights of the first {} of {} sequences are written: those of a "
      "sequence "
      "take {:.3g} MB, and a file has at most {:.0f} MB of them",
      weights.written, weights.sequences, weights.bytes_each / 1e6, kMostWeightBytes / 1e6);
}

}  // namespace moesim
