// Lists the tiles of segments, and chooses the product of a tile, for all kernels over segments.
#pragma once

#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/tile_simt.hpp"
#include "sim/backend/cuda/tile_tensor.hpp"

#include <type_traits>

namespace moesim {
namespace cuda {

// Tile t is the rows first[t] .. of segment[t] (-1: none). The tiles of segment s are start[s] ..
// start[s+1].
struct Tiles {
  i32 *segment, *first, *start;
};

template <int size, class F>
void with_compute(Compute compute, F f) {
  if constexpr (std::is_same_v<real, float>) {
    if (compute == Compute::bfloat16) return f(TensorTile<Bfloat16Factors, size>());
    if (compute == Compute::tf32) return f(TensorTile<Tf32Factors, size>());
  } else {
    if (compute == Compute::bfloat16) return f(SimtTile<size, true>());
  }
  f(SimtTile<size, false>());
}

constexpr int kSmall = 64, kLarge = sizeof(real) == 4 ? 128 : 64;

// Number of kLarge x kLarge tiles of m x n values.
inline index large_tiles(index m, index n) { return ceil_div(m, kLarge) * ceil_div(n, kLarge); }

// Calls f with the kind of tile that has `size` rows and columns.
template <class F>
void with_tile(Compute compute, int size, F f) {
  if constexpr (std::is_same_v<real, float>)
    if (size == kLarge) return with_compute<kLarge>(compute, f);
  with_compute<kSmall>(compute, f);
}

// Calls f(layer of the segment alone, its first row, its number), if the host knows the offsets.
template <class F>
void for_segments(const Linear& l, F f) {
  for (index s = 0; s < l.segments; ++s) {
    const index first = l.host_offset[s];
    Linear one = l;
    one.segments = 1, one.offset = one.host_offset = nullptr;
    one.rows = l.host_offset[s + 1] - first;
    one.x += first * l.in;
    one.w += s * l.in * l.out;
    if (l.bias != nullptr) one.bias += s * l.out;
    f(one, first, s);
  }
}

}  // namespace cuda

// The segments of a layer, cut into tiles of `size` rows.
struct CudaBackend::RowTiles {
  Storage block;
  int size = 0;
  index slots = 0;
  cuda::Tiles tiles{};
};

}  // namespace moesim
