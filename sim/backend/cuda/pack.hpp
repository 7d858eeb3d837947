// Pack is adjacent values that a thread loads and stores at once, as many as fit into 16 bytes.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <cuda_runtime.h>
#include <type_traits>

namespace moesim::cuda {

template <int n>
struct alignas(n * sizeof(real)) Pack {
  real v[n];
};

// Pack number `at` of an array.
template <int n>
__device__ inline Pack<n>& pack(real* p, index at) {
  return reinterpret_cast<Pack<n>*>(p)[at];
}
template <int n>
__device__ inline const Pack<n>& pack(const real* p, index at) {
  return reinterpret_cast<const Pack<n>*>(p)[at];
}

// Calls f with the number of values of a pack, a constant: 16 bytes if these arrays, of rows of
// `cols` values, can be seen as such packs, else one value. Null pointers are not looked at.
template <class F, class... Arrays>
void with_packs(index cols, F f, const Arrays*... arrays) {
  constexpr int kMost = 16 / int(sizeof(real));
  const bool aligned = ((reinterpret_cast<std::uintptr_t>(arrays) % 16 == 0) && ...);
  if (aligned && cols % kMost == 0)
    f(std::integral_constant<int, kMost>());
  else
    f(std::integral_constant<int, 1>());
}

}  // namespace moesim::cuda
