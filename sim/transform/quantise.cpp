#include "sim/transform/quantise.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
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
              index& rows) {
  const index experts = matrices.shape.at(0), in = matrices.shape.at(1), out = matrices.shape.at(2);
  const index length = how.group == 0 ? in : how.group;
  std::vector<double> row;
  for (index e = 0; e < experts; ++e)
    for (index o = 0; o < out; ++o)
      for (index first = 0; first < in; first += length, ++rows) {
        const auto at = [&](index i) -> real& {
          return matrices.values[static_cast<std::size_t>((e * in + i) * out + o)];
        };
        const index end = std::min(in, first + length);
        row.clear();
        for (index i = first; i < end; ++i) row.push_back(static_cast<double>(at(i)));
        const WeightGrid grid(row, how.bits);
        for (index i = first; i < end; ++i) {
          const int code = grid.code(static_cast<double>(at(i)));
          ++counts.at(static_cast<std::size_t>(code));
          at(i) = static_cast<real>(grid.value(code));
        }
      }
}

QuantisedSize quantise_experts(const Quantisation& how, HostTensors& tensors,
                               const Transformer& model) {
  using Role = HiddenUnits::Role;
  QuantisedSize size;
  std::vector<index> counts(how.bits == 0 ? 3 : std::size_t{1} << how.bits, 0);
  for (std::size_t layer = 0; layer < model.moe_blocks().size(); ++layer) {
    const std::string prefix = fmt::format("blocks.{}.moe.experts.", model.moe_blocks()[layer]);
    const HiddenUnits units = model.moe_layer(layer).expert().hidden_units();
    if (units.parts.empty())
      fail(Exit::usage, fmt::format("quantise: {} do not say which of their parameters are "
                                    "matrices; choose a run with another expert.name",
                                    prefix.substr(0, prefix.size() - 1)));
    for (const auto& part : units.parts) {
      if (part.role != Role::in && part.role != Role::out && part.role != Role::whole) continue;
      HostTensor& matrices = tensors.at(prefix + part.name);
      quantise(how, matrices, counts, size.rows);
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
