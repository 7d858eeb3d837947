// Checks derivatives by central differences, for functions of several tensors.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/tape.hpp"
#include "tests/support/kernel_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moesim::testing {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

inline Tensor random_tensor(std::uint64_t key, Shape shape, double low = -1, double high = 1) {
  return Tensor::of(shape, random_reals(key, shape.size(), low, high), backend());
}

// Returns the largest relative error of the gradients of L = Σ w ⊙ f(inputs), w random, against
// central differences with h = 1e-5 · max(1, |x|): over every value of every input, or, where an
// input has more than `most`, over so many of them. Discrete choices are those of the first pass.
// Double precision only.
inline double gradient_error(const Function& f, const std::vector<Tensor>& inputs,
                             std::size_t most = SIZE_MAX) {
  for (const Tensor& x : inputs) x.drop_gradient();
  Journal journal;
  Tape tape;
  tape.journal = &journal;
  Tensor w;
  {
    const Tape::Scope scope(&tape);
    for (const Tensor& x : inputs) x.set_wants_gradient(true);
    const Tensor y = f(inputs);
    w = random_tensor(7, y.shape());
    tape.backward(y, w);
  }
  const auto value = [&] {
    journal.rewind();
    Tape replay;
    replay.journal = &journal;
    replay.recording = false;
    const Tape::Scope scope(&replay);
    const std::vector<real> y = f(inputs).to_host(), weights = w.to_host();
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      sum += static_cast<double>(y[i]) * static_cast<double>(weights[i]);
    return sum;
  };
  double worst = 0;
  for (const Tensor& x : inputs) {
    const std::vector<real> values = x.to_host();
    const std::vector<real> analytic =
        x.has_gradient() ? x.gradient().to_host() : std::vector<real>(values.size(), 0);
    const std::size_t count = std::min(most, values.size());
    for (std::size_t turn = 0; turn < count; ++turn) {
      // In steps of a prime, which meet every row and every column.
      const std::size_t i = count < values.size() ? turn * 7919 % values.size() : turn;
      const double h = 1e-5 * std::max(1.0, std::abs(static_cast<double>(values[i])));
      std::vector<real> moved = values;
      moved[i] = static_cast<real>(values[i] + h);
      x.from_host(moved);
      const double above = value();
      moved[i] = static_cast<real>(values[i] - h);
      x.from_host(moved);
      const double numeric = (above - value()) / (2 * h);
      const auto exact = static_cast<double>(analytic[i]);
      worst = std::max(
          worst, std::abs(exact - numeric) / std::max({std::abs(exact), std::abs(numeric), 1e-2}));
    }
    x.from_host(values);
  }
  return worst;
}

}  // namespace moesim::testing
