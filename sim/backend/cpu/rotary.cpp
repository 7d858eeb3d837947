// Rotary positions (Su et al. 2021).
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/vector_inline.hpp"

#include <cmath>
#include <vector>

namespace moesim {
namespace {

// Cosines, then sines, of position · base^(-2i/d): [2, length, d/2]. The last table is cached,
// because every layer of a model uses the same one.
struct Table {
  index length = 0, head_size = 0;
  real base = 0;
  std::vector<real> values;
};

const real* table(index length, index head_size, real base) {
  thread_local Table kept;
  const index half = head_size / 2;
  if (kept.length == length && kept.head_size == head_size && kept.base == base)
    return kept.values.data();
  kept = {length, head_size, base, std::vector<real>(static_cast<std::size_t>(2 * length * half))};
  for (index i = 0; i < half; ++i) {
    const double rate = std::pow(double(base), -2.0 * double(i) / double(head_size));
    for (index position = 0; position < length; ++position) {
      const auto at = static_cast<std::size_t>(position * half + i);
      kept.values[at] = static_cast<real>(std::cos(double(position) * rate));
      kept.values[static_cast<std::size_t>(length * half) + at] =
          static_cast<real>(std::sin(double(position) * rate));
    }
  }
  return kept.values.data();
}

}  // namespace

// (u, v) = (x[i], x[i + d/2]) becomes (u cos - v sin, u sin + v cos). An odd last value is
// unchanged.
void CpuBackend::rotary(const Attention& a, real base, int sign, real* qkv) {
  const index half = a.head_size / 2, rows = a.batch * a.length;
  const real* cosines = table(a.length, a.head_size, base);
  const real* sines = cosines + a.length * half;
  const index stride = 3 * a.heads * a.head_size;
  for_pieces(rows, row_piece(stride), [=](index first, index last) {
    for (index row = first; row < last; ++row) {
      const index position = row % a.length;
      const real *c = cosines + position * half, *s = sines + position * half;
      for (index head = 0; head < 2 * a.heads; ++head) {  // those of q, then those of k
        real* x = qkv + row * stride + head * a.head_size;
        cpu::simd_loop(0, half, [=, turn = static_cast<real>(sign)](index i) {
          const real u = x[i], v = x[half + i], sine = turn * s[i];
          x[i] = u * c[i] - v * sine;
          x[half + i] = u * sine + v * c[i];
        });
      }
    }
  });
}

}  // namespace moesim
