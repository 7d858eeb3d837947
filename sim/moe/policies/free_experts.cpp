#include "sim/moe/policies/free_experts.hpp"

#include "sim/backend/backend.hpp"
#include "sim/moe/policies/free_choices.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moesim {

FreeExperts::FreeExperts(Options& options, index experts) : experts_(experts) {
  constants_ = options.integer("constant_experts", 2, {0, 64},
                               "choices that add gate · (a_0 · x + a_1 · v), v learned");
  copies_ = options.integer("copy_experts", 1, {0, 64}, "choices that add gate · x");
  zeros_ = options.integer("zero_experts", 1, {0, 64}, "choices that add nothing");
  tau_ = options.number("tau", 0.75, {0, 1}, "weight of these choices in the balance loss");
  options.explain(
      Topic::selection,
      fmt::format("the choices are {} experts, {} constant (a_0 x + a_1 v), {} copy (x) and "
                  "{} zero ones (0), which run no expert",
                  experts, constants_, copies_, zeros_));
}

Indices FreeExperts::that_add(const Indices& choice) const {
  return choices_below(choice, all() - zeros_, all());
}

Tensor FreeExperts::weights(Backend& backend) const {
  std::vector<real> weights(static_cast<std::size_t>(all()), static_cast<real>(tau_));
  std::fill_n(weights.begin(), experts_, real(1));
  return Tensor::of({all()}, weights, backend);
}

void FreeExperts::add_to(Assignment& plan, const Tensor& gates, const Indices& choice,
                         const Tensor& x, real factor, const Tensor& weight,
                         const Tensor& value) const {
  const auto of = [&](index first, index count) {
    return gates_of_choices(gates, choice, first, count, all());
  };
  Tensor bypass = copies_ > 0 ? sum_cols(of(experts_ + constants_, copies_)) : Tensor();
  if (constants_ > 0) {
    const index T = x.rows();
    const Tensor gate = of(experts_, constants_);  // [T, C]
    const Tensor logits = matmul(x, weight.reshape({2 * constants_, x.cols()}), {.b = true});
    const Tensor a = softmax(affine(logits, factor).reshape({T * constants_, 2}));
    const Tensor own = sum_cols(mul(gate, columns_of(a, 0, 1)));
    bypass = bypass ? add(bypass, own) : own;
    plan.addend = matmul(mul(gate, columns_of(a, 1, 1)), value);
  }
  if (bypass) plan.bypass = affine(bypass, factor);
}

}  // namespace moesim
