#include "sim/ops/state.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/elementwise.hpp"
#include "sim/ops/indices.hpp"

namespace moesim {

void assign(const Tensor& buffer, const Tensor& value) {
  if (buffer.size() != value.size())
    fail_in("assign", value.shape().to_string() + " to a buffer of " + buffer.shape().to_string());
  buffer.backend().copy(buffer.data(), value.data(),
                        static_cast<std::size_t>(value.size()) * sizeof(real));
}

Tensor sign(const Tensor& x) {
  Backend& backend = x.backend();
  const Tensor zero = Tensor::zeros(x.shape(), backend);
  const Indices one = map_indices({.shape = {x.size(), 1, 1}, .base = 1}, backend),
                none = map_indices({.shape = {x.size(), 1, 1}}, backend);
  return sub(to_real(where_less(zero, x, one, none), x.shape(), 1),
             to_real(where_less(x, zero, one, none), x.shape(), 1));
}

}  // namespace moesim
