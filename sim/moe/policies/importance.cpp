#include "sim/moe/policies/importance.hpp"

#include "sim/ops/ops.hpp"

#include <numeric>

namespace moesim {
namespace {

Tensor filled_like(const Tensor& x, real value) {
  return Tensor::full(x.shape(), value, x.backend());
}

}  // namespace

Tensor without_padding(const Tensor& logits, const Tensor& importance) {
  if (!importance) return logits;
  constexpr auto far = real(1e30);
  const Tensor keep = sign(importance);  // [T]: 0 for padding, else 1
  return add_column(mul_column(logits, keep), affine(keep, far, -far));
}

Tensor Importance::at_choices() const {
  const index T = importance_.size();
  const Indices token = map_indices({.shape = {T, k_, 1}, .add = {1}}, importance_.backend());
  return pick(importance_, token).reshape({T, k_});
}

Indices Importance::demote(const Indices& choice) const {
  if (!importance_) return choice;
  // Place j receives the token's place j - 1; place 0 becomes empty.
  std::vector<std::int32_t> before(static_cast<std::size_t>(k_));
  std::iota(before.begin(), before.end(), -1);
  const Indices moved =
      map_indices(Indices::of(before, choice.backend()),
                  {.shape = {importance_.size(), k_, 1}, .from = {0, 1}, .add = {k_}});
  const Tensor of_choice = at_choices();
  return where_less(of_choice, filled_like(of_choice, 1), look_up(choice, moved), choice);
}

Indices Importance::without_padding(const Indices& choice) const {
  if (!importance_) return choice;
  const Tensor of_choice = at_choices();
  return where_less(filled_like(of_choice, 0), of_choice, choice, {});
}

Tensor Importance::primary() const {
  if (!importance_) return {};
  const index T = importance_.size();
  Backend& backend = importance_.backend();
  const auto all = [&](std::int32_t value) {
    return Indices::of(std::vector<std::int32_t>(static_cast<std::size_t>(T), value), backend);
  };
  return to_real(where_less(importance_, filled_like(importance_, 1), all(0), all(1)), {T}, 1);
}

}  // namespace moesim
