// Integer kernels: positions of entries, tokens and choices.
#include "sim/backend/cpu/cpu_backend.hpp"

namespace moesim {
namespace {

constexpr index kPiece = 1 << 14;

}  // namespace

void CpuBackend::map_indices(const IndexMap& map, const i32* x, i32* y) {
  const index lines = map.shape[0] * map.shape[1], line = map.shape[2];
  for_pieces(lines, std::max<index>(1, kPiece / std::max<index>(1, line)),
             [&](index first, index last) {
               for (index i = first; i < last; ++i) {
                 const index a = i / map.shape[1], b = i % map.shape[1];
                 for (index c = 0; c < line; ++c) {
                   const index v =
                       x != nullptr ? x[map.from[0] * a + map.from[1] * b + map.from[2] * c] : 0;
                   y[i * line + c] =
                       v < 0 ? -1
                             : static_cast<i32>(map.scale * (v / map.divide) + map.base +
                                                map.add[0] * a + map.add[1] * b + map.add[2] * c);
                 }
               }
             });
}

void CpuBackend::look_up(const i32* table, const i32* at, i32* y, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    for (index i = first; i < last; ++i) y[i] = at[i] < 0 ? -1 : table[at[i]];
  });
}

void CpuBackend::where_less(const real* a, const real* b, const i32* yes, const i32* no, i32* y,
                            index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    for (index i = first; i < last; ++i) {
      const i32* from = a[i] < b[i] ? yes : no;
      y[i] = from != nullptr ? from[i] : -1;
    }
  });
}

void CpuBackend::to_real(const i32* x, double factor, real* y, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    for (index i = first; i < last; ++i) y[i] = static_cast<real>(factor * x[i]);
  });
}

void CpuBackend::add_indices(const i32* x, i32* y, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    for (index i = first; i < last; ++i) y[i] += x[i];
  });
}

}  // namespace moesim
