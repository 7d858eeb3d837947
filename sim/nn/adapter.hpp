// Adapter is what is trained on a frozen matrix of a model: low-rank changes, or factors on outputs,
// of one or several experts that every row mixes by its own softmax.
//
// With y = x W + b, W [in, out], n experts of rank r, and p = softmax(x R), R [in, n]:
//   lora     y + α/r · x A B                   A [in, r], B [r, out] (Hu et al. 2022)
//   molora   y + α/r · Σ_e p_e x A_e B_e       (Zadouri et al. 2023, "Pushing mixture of experts")
//   loramoe  the same                          (Dou et al. 2023, without its balancing constraint)
//   mov      y ⊙ (1 + Σ_e p_e d_e)             d [n, out]; 1 + d are the vectors l of (IA)³ (Liu et al.
//                                              2022), mixed (Zadouri et al. 2023)
// B and d start at zero, so that the model starts as the one that is adapted. A and R are N(0, 0.02²);
// of loramoe N(0, 1 / 3 in), the variance of Kaiming's uniform distribution. Dropout is on the x of A.
// A stack of G matrices [G, in, out], one per expert of an MoE layer, has G adapters.
#pragma once

#include "sim/config/names.hpp"
#include "sim/config/options.hpp"
#include "sim/nn/module.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

struct Context;
struct Stream;

struct AdapterConfig {
  enum class Kind { none, lora, molora, loramoe, mov };
  Kind kind = Kind::none;
  index rank = 16, experts = 1;
  double alpha = 32, dropout = 0;
  std::string targets = "*";  // patterns for names of matrices

  bool any() const { return kind != Kind::none; }
  bool mixes() const { return kind != Kind::lora; }
  bool low_rank() const { return kind != Kind::mov; }
  double scale() const { return alpha / static_cast<double>(rank); }
  // Reads [adapter].
  static AdapterConfig read(Settings& settings);
};

class Adapter : public Module {
 public:
  // matrix: W [in, out] or [G, in, out]. rows_per_expert: rows per token that each of the G has.
  Adapter(const AdapterConfig& config, const Parameter& matrix, double rows_per_expert);

  // Products of rows with matrices [G, ., .], as those of W.
  using Times = std::function<Tensor(const Tensor& x, const Tensor& w)>;
  // What becomes of y. dropped: x after dropout. x [N, in], y [N, out].
  Tensor forward(const Tensor& x, const Tensor& dropped, const Tensor& y, const Times& times) const;

  // True if x has dropout in this pass; its rate and random numbers, which are keyed by the name of W.
  bool drops(const Context& context) const;
  real dropout() const;
  Stream stream(const Context& context) const;

  const AdapterConfig& config() const { return config_; }
  const Tensor& matrix() const { return matrix_; }
  const std::string& name() const { return name_; }  // of W
  index stack() const { return stack_; }             // G
  // Rows per token that each of the G matrices has.
  double rows_per_expert() const { return rows_per_expert_; }
  // Forward FLOPs of a row.
  double flops_per_row() const;

 private:
  AdapterConfig config_;
  Tensor matrix_;
  std::string name_;
  index stack_, in_, out_;
  double rows_per_expert_;
  Tensor a_, b_, router_,
      change_;  // [G, in, n r], [G, n r, out], [G, in, n], [G, n, out]; or empty
};

// Adapters are those of a model, as a module: parameters have the names of the matrices.
class Adapters : public Module {
 public:
  void append(const AdapterConfig& config, const Parameter& matrix, double rows_per_expert);
  // The adapter of a matrix, or null.
  const Adapter* of(const Tensor& matrix) const;
  const std::vector<std::unique_ptr<Adapter>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<Adapter>> all_;
};

// The adapter of a matrix in this pass, or null.
const Adapter* adapter_of(const Tensor& matrix, const Context& context);

}  // namespace moesim
