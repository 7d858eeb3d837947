// Integer kernels: positions of entries, tokens and choices.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

namespace moesim {

using cuda::each;

void CudaBackend::map_indices(const IndexMap& map, const i32* x, i32* y) {
  each(stream_, map.size(), [=] __device__(index i) {
    const int wide = int(map.shape[2]), deep = int(map.shape[1]), line = int(i) / wide;
    const int c = int(i) % wide, b = line % deep, a = line / deep;
    const index v = x != nullptr ? x[map.from[0] * a + map.from[1] * b + map.from[2] * c] : 0;
    y[i] = v < 0 ? -1
                 : static_cast<i32>(map.scale * (v / map.divide) + map.base + map.add[0] * a +
                                    map.add[1] * b + map.add[2] * c);
  });
}

void CudaBackend::look_up(const i32* table, const i32* at, i32* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] = at[i] < 0 ? -1 : table[at[i]]; });
}

void CudaBackend::where_less(const real* a, const real* b, const i32* yes, const i32* no, i32* y,
                             index n) {
  each(stream_, n, [=] __device__(index i) {
    const i32* from = a[i] < b[i] ? yes : no;
    y[i] = from != nullptr ? from[i] : -1;
  });
}

void CudaBackend::to_real(const i32* x, double factor, real* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] = static_cast<real>(factor * x[i]); });
}

void CudaBackend::add_indices(const i32* x, i32* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] += x[i]; });
}

}  // namespace moesim
