#include "sim/nn/rotate.hpp"

#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

Tensor rotate(const Tensor& x, const Indices& position, const Rotation& r) {
  const index T = x.rows(), width = x.cols(), d = width / r.heads, half = r.rotated / 2;
  if (T == 0 || half == 0) return x;
  Backend& backend = x.backend();
  // Tables have a row for each position that occurs.
  std::vector<std::int32_t> row = position.to_host(), places = row;
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  for (std::int32_t& p : row)
    p = static_cast<std::int32_t>(std::lower_bound(places.begin(), places.end(), p) -
                                  places.begin());
  const auto P = static_cast<index>(places.size());
  std::vector<real> cosine(static_cast<std::size_t>(P * width), 1),
      sine(static_cast<std::size_t>(P * width), 0),
      turn(static_cast<std::size_t>(d * d), 0);  // x · turn: (-x₂, x₁) for each pair
  for (index i = 0; i < half; ++i) {
    turn[static_cast<std::size_t>((i + half) * d + i)] = -1;
    turn[static_cast<std::size_t>(i * d + i + half)] = 1;
    const double rate =
        std::pow(r.base, -2 * static_cast<double>(i) / static_cast<double>(r.rotated));
    for (index p = 0; p < P; ++p) {
      const double angle = static_cast<double>(places[static_cast<std::size_t>(p)]) * rate;
      const auto c = static_cast<real>(std::cos(angle)), s = static_cast<real>(std::sin(angle));
      for (index h = 0; h < r.turned; ++h)
        for (const index at : {i, i + half}) {
          cosine[static_cast<std::size_t>(p * width + h * d + at)] = c;
          sine[static_cast<std::size_t>(p * width + h * d + at)] = s;
        }
    }
  }
  const Indices rows = Indices::of(row, backend);
  const auto table = [&](const std::vector<real>& values) {
    return gather_rows(Tensor::of({P, width}, values, backend), rows);
  };
  const Tensor turned =
      matmul(x.reshape({T * r.heads, d}), Tensor::of({d, d}, turn, backend)).reshape({T, width});
  return add(mul(x, table(cosine)), mul(turned, table(sine)));
}

}  // namespace moesim
