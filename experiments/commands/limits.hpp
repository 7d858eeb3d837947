// Limits measures the peak rates of a device: of large matrix products and of large copies.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tensor.hpp"

#include <functional>
#include <memory>

namespace moesim {

class Limits {
 public:
  // A product [rows, depth] x [depth, cols], and an array larger than every cache.
  struct Sizes {
    index rows, depth, cols, copied;
  };
  static Sizes sizes_for(const Backend& backend);

  // Uses a separate backend with the device, threads and compute mode of `like`, so that its memory
  // does not count as the run's. Holds that memory during its lifetime.
  Limits(const Backend& like, const Sizes& sizes);

  // FLOP/s, the best of a few repetitions, so that a cold cache does not count.
  struct Rates {
    double full;     // in `real`
    double compute;  // in the compute mode, including rounding of the factors
  };
  Rates products();
  // Bytes/s, read plus written; the best of a few repetitions.
  double copies();
  std::size_t bytes() const { return backend_->held(); }

 private:
  double best_seconds(const std::function<void()>& work);

  Sizes sizes_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Timeline> timeline_;
  Tensor a_, b_, c_, from_, to_;
};

}  // namespace moesim
