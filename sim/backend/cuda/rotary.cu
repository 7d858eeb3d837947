// Rotary positions (Su et al. 2021).
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <cmath>
#include <vector>

namespace moesim {
namespace {

// Cosines, then sines, of position · base^(-2i/d): [2, length, d/2]. Computed on the host in
// double, so that all devices rotate by the same angles.
std::vector<real> turns(index length, index head_size, real base) {
  const index half = head_size / 2;
  std::vector<real> values(static_cast<std::size_t>(2 * length * half));
  for (index i = 0; i < half; ++i) {
    const double rate = std::pow(double(base), -2.0 * double(i) / double(head_size));
    for (index position = 0; position < length; ++position) {
      const auto at = static_cast<std::size_t>(position * half + i);
      values[at] = static_cast<real>(std::cos(double(position) * rate));
      values[static_cast<std::size_t>(length * half) + at] =
          static_cast<real>(std::sin(double(position) * rate));
    }
  }
  return values;
}

}  // namespace

// (u, v) = (x[i], x[i + d/2]) becomes (u cos - v sin, u sin + v cos). An odd last value is
// unchanged.
void CudaBackend::rotary(const Attention& a, real base, int sign, real* qkv) {
  const index half = a.head_size / 2, rows = a.batch * a.length;
  if (half == 0 || rows == 0) return;
  if (rotary_.length != a.length || rotary_.head_size != a.head_size || rotary_.base != base) {
    const std::vector<real> values = turns(a.length, a.head_size, base);
    const std::size_t bytes = values.size() * sizeof(real);
    rotary_ = {a.length, a.head_size, base, allocate(bytes)};
    copy_from_host(rotary_.values.data(), values.data(), bytes);
    stream_.refuse("a table of rotary angles is computed");
  }
  if (stream_.trace != nullptr) stream_.trace->keep(rotary_.values);
  const auto* cosines = static_cast<const real*>(rotary_.values.data());
  const real* sines = cosines + a.length * half;
  const index size = a.head_size;
  const int heads = static_cast<int>(2 * a.heads);  // of q, then of k
  const int length = static_cast<int>(a.length);
  const real turn = static_cast<real>(sign);
  cuda::each_in_rows(stream_, rows * heads, half, [=] __device__(index r, index i) {
    const int row = int(r) / heads, head = int(r) % heads;
    const index at = row % length * half + i;
    real* x = qkv + (index(row) * heads / 2 * 3 + head) * size;
    const real u = x[i], v = x[half + i], sine = turn * sines[at];
    x[i] = u * cosines[at] - v * sine;
    x[half + i] = u * sine + v * cosines[at];
  });
}

}  // namespace moesim
