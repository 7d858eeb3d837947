// Quantisation rounds the matrices of experts to a few values per row, after training, so that the
// loss at fewer bits can be measured (Frantar & Alistarh 2023, "QMoE"). Values are stored
// de-quantised: there are no kernels for packed weights.
//
// A row is the weights into one output unit, or `group` consecutive ones of them. With
// lo = min(0, min w) and hi = max(0, max w), both 0 becoming -1 and 1:
//   B bits    s = (hi - lo) / (2^B - 1), z = round(-lo / s),
//             q = clamp(round(w / s) + z, 0, 2^B - 1), ŵ = s (q - z)
//   ternary   ŵ = hi if w > hi / 2, lo if w < lo / 2, else 0
// Halves round to even. rtn rounds every weight to the nearest value; gptq: sim/transform/gptq.hpp.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/train/upcycle.hpp"
#include "sim/transform/calibration.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace moesim {

struct Quantisation {
  enum class Method { rtn, gptq };
  Method method = Method::rtn;
  int bits = 4;     // 1 .. 16; 0: ternary
  index group = 0;  // weights per row of a grid; 0: all weights into an output unit
};

// WeightGrid is the values that the weights of a row are rounded to.
class WeightGrid {
 public:
  WeightGrid(std::span<const double> row, int bits);
  // The number of the value for a weight, from 0; ternary: 0 for lo, 1 for zero, 2 for hi.
  int code(double weight) const;
  double value(int code) const;
  // Distance between neighbouring values; ternary: the larger of hi and -lo.
  double step() const { return step_; }

 private:
  int bits_;
  double low_ = -1, high_ = 1, step_ = 1, zero_ = 0;
};

// QuantisedSize is what quantised experts would occupy.
struct QuantisedSize {
  index weights = 0, rows = 0;
  double bits = 0;     // per weight: its code, and two 32-bit numbers per row
  double entropy = 0;  // of the codes of all weights, in bits
  // Of all tensors, with 32-bit numbers for all that is not quantised.
  double bytes_before = 0, bytes_after = 0;
};

// -Σ p log2 p of these counts; 0 without counts.
double entropy_bits(std::span<const index> counts);

// Rounds the matrices [in, out] of every expert, stacked as [E, in, out]; adds to `counts`, by code.
// grams: Xᵀ X of each expert, for gptq.
void quantise(const Quantisation& how, HostTensor& matrices, std::vector<index>& counts,
              index& rows, const std::vector<std::vector<double>>& grams = {});

// The Grams of these matrices in a model with these tensors.
using Calibrate =
    std::function<Grams(const HostTensors& tensors, const std::vector<std::string>& matrices)>;

// Rounds the matrices of the experts of all MoE layers; biases, routers and all else stay. gptq
// calibrates layer by layer, and matrices out of hidden layers after those into them are rounded.
// Throws Exit::usage for experts that do not say which parameters are matrices, and for gptq where
// no assigned rows reach them.
QuantisedSize quantise_experts(const Quantisation& how, HostTensors& tensors,
                               const Transformer& model, const Calibrate& calibrate = {});

}  // namespace moesim
