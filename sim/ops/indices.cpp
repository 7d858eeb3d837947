#include "sim/ops/indices.hpp"

#include "sim/core/error.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

Indices map_indices(const Indices& x, const IndexMap& map) {
  index last = 0;
  for (int i = 0; i < 3; ++i) last += map.from[i] * (map.shape[i] - 1);
  if (map.size() > 0 && last >= x.size())
    fail_in("map_indices",
            "place " + std::to_string(last) + " of " + std::to_string(x.size()) + " integers");
  Indices y = Indices::empty(map.size(), x.backend());
  x.backend().map_indices(map, x.data(), y.data());
  return y;
}

Indices map_indices(const IndexMap& map, Backend& backend) {
  Indices y = Indices::empty(map.size(), backend);
  backend.map_indices(map, nullptr, y.data());
  return y;
}

Indices entries_of(const Indices& choice, index k, index cols) {
  return map_indices(choice, {.shape = {choice.size() / k, k, 1}, .from = {k, 1}, .add = {cols}});
}

Indices look_up(const Indices& table, const Indices& at) {
  Indices y = Indices::empty(at.size(), at.backend());
  at.backend().look_up(table.data(), at.data(), y.data(), at.size());
  return y;
}

Indices where_less(const Tensor& a, const Tensor& b, const Indices& yes, const Indices& no) {
  const index n = a.size();
  if (b.size() != n || (yes && yes.size() != n) || (no && no.size() != n))
    fail_in("where_less",
            a.shape().to_string() + ", " + b.shape().to_string() + " and integers of other sizes");
  Indices y = Indices::empty(n, a.backend());
  a.backend().where_less(a.data(), b.data(), yes ? yes.data() : nullptr, no ? no.data() : nullptr,
                         y.data(), n);
  return journaled(y);
}

Tensor to_real(const Indices& x, Shape shape, double factor) {
  if (shape.size() != x.size())
    fail_in("to_real", std::to_string(x.size()) + " integers as " + shape.to_string());
  Tensor y = Tensor::empty(shape, x.backend());
  x.backend().to_real(x.data(), factor, y.data(), x.size());
  return y;
}

}  // namespace moesim
