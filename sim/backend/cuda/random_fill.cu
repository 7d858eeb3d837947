// Arrays of random numbers, one thread per random block.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/philox.hpp"

#include <cmath>
#include <numbers>

namespace moesim {

using cuda::each;

void CudaBackend::uniform(const Stream& stream, real low, real high, real* y, index n) {
  const double start = low, width = double(high) - double(low);
  // Rounding to real may give `high`, which the interval excludes.
  const real top = high > low ? std::nextafter(high, low) : low;
  const Stream source = stream_.replayable(stream);
  each(stream_, cuda::ceil_div(n, 4), [=] __device__(index block) {
    std::uint32_t words[4];
    cuda::random_block(source, block, words);
    for (index i = 4 * block, j = 0; j < 4 && i < n; ++i, ++j) {
      const auto value = static_cast<real>(start + width * (words[j] * 0x1p-32));
      y[i] = value < top ? value : top;
    }
  });
}

// Box and Muller (1958) in double, one draw from two words as in random_normal.
void CudaBackend::normal(const Stream& stream, real* y, index n) {
  const Stream source = stream_.replayable(stream);
  each(stream_, cuda::ceil_div(n, 2), [=] __device__(index block) {
    std::uint32_t words[4];
    cuda::random_block(source, block, words);
    for (index i = 2 * block, j = 0; j < 2 && i < n; ++i, ++j) {
      const double u = (words[2 * j] + 1.0) * 0x1p-32, v = words[2 * j + 1] * 0x1p-32;
      const double radius = std::sqrt(-2.0 * std::log(u));
      y[i] = static_cast<real>(radius * std::cos(2.0 * std::numbers::pi * v));
    }
  });
}

}  // namespace moesim
