#include "sim/transform/quantise.hpp"

#include "sim/core/error.hpp"
#include "sim/transform/gptq.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {

WeightGrid::WeightGrid(std::span<const double> row, int bits) : bits_(bits) {
  double low = 0, high = 0;
  for (const double weight : row) low = std::min(low, weight), high = std::max(high, weight);
  if (low != 0 || high != 0) low_ = low, high_ = high;
  if (bits_ == 0) {
    step_ = std::max(high_, -low_);
    return;
  }
  step_ = (high_ - low_) / (std::exp2(bits_) - 1);
  zero_ = std::nearbyint(-low_ / step_);
}

int WeightGrid::code(double weight) const {
  if (bits_ == 0) return weight > high_ / 2 ? 2 : weight < low_ / 2 ? 0 : 1;
  return static_cast<int>(
      std::clamp(std::nearbyint(weight / step_) + zero_, 0.0, std::exp2(bits_) - 1));
}

double WeightGrid::value(int code) const {
  if (bits_ == 0) return code == 2 ? high_ : code == 0 ? low_ : 0;
  return step_ * (code - zero_);
}

double entropy_bits(std::span<const index> counts) {
  double all = 0, bits = 0;
  for (const index count : counts) all += static_cast<double>(count);
  for (const index count : counts) {
    if (count == 0) continue;
    const double p = static_cast<double>(count) / all;
    bits -= p * std::log2(p);
  }
  return bits;
}

void quantise(const Quantisation& how, HostTensor& matrices, std::vector<index>& counts,
              index& rows, const std::vector<std::vector<double>>& grams) {
  const index experts = matrices.shape.at(0), in = matrices.shape.at(1), out = matrices.shape.at(2);
  const index length = how.group == 0 ? in : how.group, groups = (in + length - 1) / length;
  std::vector<double> weights(static_cast<std::size_t>(in * out)), row;
  for (index e = 0; e < experts; ++e) {
    real* own = matrices.values.data() + e * in * out;
    std::copy_n(own, weights.size(), weights.begin());
    std::vector<WeightGrid> grids;  // [out, groups]
    for (index o = 0; o < out; ++o)
      for (index first = 0; first < in; first += length, ++rows) {
        row.clear();
        for (index i = first; i < std::min(in, first + length); ++i)
          row.push_back(static_cast<double>(own[i * out + o]));
        grids.emplace_back(row, how.bits);
      }
    const auto round = [&](index i, index o, double weight) {
      const WeightGrid& grid = grids[static_cast<std::size_t>(o * groups + i / length)];
      const int code = grid.code(weight);
      ++counts.at(static_cast<std::size_t>(code));
      return grid.value(code);
    };
    if (how.method == Quantisation::Method::gptq) {
      gptq(weights, in, out, grams.at(static_cast<std::size_t>(e)), round);
    } else {
      for (index i = 0; i < in; ++i)
        for (index o = 0; o < out; ++o) {
          double& weight = weights[static_cast<std::size_t>(i * out + o)];
          weight = round(i, o, weight);
        }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) own[i] = static_cast<real>(weights[i]);
  }
}

namespace {

// The names of a layer's matrices: those that read the rows of an expert, and those out of its hidden
// layer.
std::array<std::vector<std::string>, 2> matrices_of(const Transformer& model, std::size_t layer) {
  using Role = HiddenUnits::Role;
  const std::string prefix = fmt::format("blocks.{}.moe.experts.", model.moe_blocks()[layer]);
  const HiddenUnits units = model.moe_layer(layer).expert().hidden_units();
  if (units.parts.empty())
    fail(Exit::usage, fmt::format("quantise: {} do not say which of their parameters are "
                                  "matrices; choose a run with another expert.name",
                                  prefix.substr(0, prefix.size() - 1)));
  std::array<std::vector<std::string>, 2> names;
  for (const auto& part : units.parts) {
    if (part.role == Role::in || part.role == Role::whole) names[0].push_back(prefix + part.name);
    if (part.role == Role::out) names[1].push_back(prefix + part.name);
  }
  return names;
}

}  // namespace

QuantisedSize quantise_experts(const Quantisation& how, HostTensors& tensors,
                               const Transformer& model, const Calibrate& calibrate) {
  QuantisedSize size;
  std::vector<index> counts(how.bits == 0 ? 3 : std::size_t{1} << how.bits, 0);
  for (std::size_t layer = 0; layer < model.moe_blocks().size(); ++layer)
    for (const std::vector<std::string>& names : matrices_of(model, layer)) {
      if (names.empty()) continue;
      Grams grams;
      if (how.method == Quantisation::Method::gptq) grams = calibrate(tensors, names);
      for (const std::string& name : names) {
        HostTensor& matrices = tensors.at(name);
        if (how.method == Quantisation::Method::gptq && !grams.contains(name))
          fail(Exit::usage,
               fmt::format("quantise: {} gets no rows of single tokens from its router, which gptq "
                           "needs; choose --method rtn",
                           name));
        quantise(how, matrices, counts, size.rows, grams[name]);
        size.weights += static_cast<index>(matrices.values.size());
      }
    }
  const auto weights = static_cast<double>(size.weights);
  const double code = how.bits == 0 ? std::log2(3.0) : how.bits;
  size.bits = code + 64 * static_cast<double>(size.rows) / std::max(weights, 1.0);
  size.entropy = entropy_bits(counts);
  for (const auto& [name, tensor] : tensors)
    size.bytes_before += 4 * static_cast<double>(tensor.values.size());
  size.bytes_after = size.bytes_before + weights * (size.bits / 8 - 4);
  return size;
}

}  // namespace moesim
