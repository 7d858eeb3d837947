#include "sim/nn/context.hpp"

#include "sim/backend/backend.hpp"

namespace moesim {

Tensor Context::uniform(Purpose purpose, Shape shape, Backend& backend, double low,
                        double high) const {
  if (given)
    if (const Tensor draws = given(purpose, shape)) return draws;
  Tensor draws = Tensor::empty(shape, backend);
  backend.uniform(stream(purpose, nested), static_cast<real>(low), static_cast<real>(high),
                  draws.data(), draws.size());
  return draws;
}

Tensor Context::normal(Purpose purpose, Shape shape, Backend& backend) const {
  if (given)
    if (const Tensor draws = given(purpose, shape)) return draws;
  Tensor draws = Tensor::empty(shape, backend);
  backend.normal(stream(purpose, nested), draws.data(), draws.size());
  return draws;
}

}  // namespace moesim
