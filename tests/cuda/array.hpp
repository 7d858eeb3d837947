// Provides arrays of kernel results that are compared with sums in double.
#pragma once

#include "sim/backend/backend.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/factors.hpp"

#include <vector>

namespace moesim::testing {

// Values on the device, `shift` places behind where a block begins.
class Array {
 public:
  Array(Backend& backend, std::uint64_t key, index n, index shift)
      : n_(n), shift_(shift), values_(static_cast<std::size_t>(n + shift)) {
    const Stream stream{key, Purpose::synthetic, 0, 0};
    for (std::size_t i = 0; i < values_.size(); ++i)
      values_[i] = static_cast<real>(2 * random_uniform(stream, i) - 1);
    held_ = backend.allocate(values_.size() * sizeof(real));
    backend.copy_from_host(held_.data(), values_.data(), values_.size() * sizeof(real));
  }
  real* p() const { return static_cast<real*>(held_.data()) + shift_; }
  std::vector<real> now() const {
    std::vector<real> all(values_.size());
    held_.backend().copy_to_host(all.data(), held_.data(), all.size() * sizeof(real));
    all.erase(all.begin(), all.begin() + shift_);
    return all;
  }
  // As it was made, rounded.
  std::vector<double> factor(Compute compute) const {
    std::vector<double> all;
    for (index i = shift_; i < n_ + shift_; ++i)
      all.push_back(rounded(compute, double(values_[static_cast<std::size_t>(i)])));
    return all;
  }

 private:
  index n_, shift_;
  std::vector<real> values_;
  Storage held_;
};

}  // namespace moesim::testing
