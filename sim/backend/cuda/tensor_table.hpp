// TensorTable is a list of tensors that one kernel processes in one launch: small models have
// dozens of small ones, and a launch for each takes longer than its work.
#pragma once

#include "sim/backend/cuda/launch.hpp"

#include <vector>

namespace moesim::cuda {

// Some tensors in pieces of kPiece values, one per block. It is a kernel argument, which may have 4
// KB.
template <class T>
struct TensorTable {
  static constexpr int kTensors = 64;
  static constexpr index kPiece = 4096;

  struct Piece {
    int tensor;
    index first, end;  // range of its values
  };
  __device__ Piece piece(index block) const {
    int t = 0;
    for (int by = kTensors / 2; by > 0; by /= 2)
      if (t + by < n && start[t + by] <= block) t += by;
    const index first = (block - start[t]) * kPiece;
    const index end = first + kPiece < tensor[t].n ? first + kPiece : tensor[t].n;
    return {t, first, end};
  }
  index pieces() const { return start[n]; }

  T tensor[kTensors];
  int start[kTensors + 1];  // first piece of each, and the number of pieces
  int n;
};

// Calls f(table, pieces of earlier tables) until all tensors with values are covered.
template <class T, class F>
void for_tables(const std::vector<T>& tensors, F f) {
  TensorTable<T> table;
  static_assert(sizeof table <= 4000);
  index before = 0;
  table.n = 0, table.start[0] = 0;
  const auto flush = [&] {
    if (table.n > 0) f(table, before);
    before += table.pieces();
    table.n = 0;
  };
  for (const T& tensor : tensors) {
    if (tensor.n == 0) continue;
    if (table.n == table.kTensors) flush();
    table.tensor[table.n] = tensor;
    table.start[table.n + 1] =
        table.start[table.n] + static_cast<int>(ceil_div(tensor.n, table.kPiece));
    ++table.n;
  }
  flush();
}

}  // namespace moesim::cuda
