// checked_product() and checked_sum() compute sizes in 64-bit integers and refuse overflow.
//
// Every option has a range, but a product of several options can exceed 64 bits. These functions
// refuse such a model (Exit::usage) before anything is allocated.
#pragma once

#include "sim/core/error.hpp"
#include "sim/core/types.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace moesim {

// Largest number of values of a tensor: more bytes than this do not fit into 64 bits.
inline constexpr index kMostValues = index{1} << 59;

[[noreturn]] inline void fail_size(std::string_view what, const std::string& terms) {
  fail(Exit::usage,
       std::string(what) + ": " + terms + " is more than a machine can count; make it smaller");
}

// factors[0] · factors[1] · ..., none of which may be negative.
inline index checked_product(std::initializer_list<index> factors, std::string_view what) {
  index product = 1;
  bool fits = true, zero = false;
  for (const index factor : factors) {
    zero = zero || factor == 0;
    fits = fits && factor >= 0 && !__builtin_mul_overflow(product, factor, &product);
  }
  if (zero) return 0;
  if (fits && product <= kMostValues) return product;
  std::string terms;
  for (const index factor : factors) terms += (terms.empty() ? "" : " x ") + std::to_string(factor);
  fail_size(what, terms);
}

inline index checked_sum(index a, index b, std::string_view what) {
  index sum = 0;
  if (!__builtin_add_overflow(a, b, &sum) && sum <= kMostValues) return sum;
  fail_size(what, std::to_string(a) + " + " + std::to_string(b));
}

}  // namespace moesim
