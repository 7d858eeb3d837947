// The limits of a device that steps are measured against: the rates of large products, and of large
// copies.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tensor.hpp"

#include <functional>
#include <memory>

namespace moesim {

class Limits {
 public:
  // A product of [rows, depth] and [depth, cols], and an array that no cache holds.
  struct Sizes {
    index rows, depth, cols, copied;
  };
  static Sizes sizes_for(const Backend& backend);

  // On a backend of its own, of the kind, threads and compute mode of `like`: its memory is not the
  // run's. It is held from the first to the last.
  Limits(const Backend& like, const Sizes& sizes);

  // In FLOP/s, each the best of a few, so that a cold cache does not count.
  struct Rates {
    double full;     // factors in `real`
    double compute;  // of linear layers in the compute mode, which round their factors first
  };
  Rates products();
  // In bytes/s, read and written; the best of a few.
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
