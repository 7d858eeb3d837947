#include "sim/train/ratio_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {

void RatioError::add(double y, double x) {
  ++n_;
  y_ += y, x_ += x;
  yy_ += y * y, xy_ += x * y, xx_ += x * x;
}

void RatioError::add(const RatioError& others) {
  n_ += others.n_;
  y_ += others.y_, x_ += others.x_;
  yy_ += others.yy_, xy_ += others.xy_, xx_ += others.xx_;
}

double RatioError::error(index population) const {
  if (n_ >= population) return 0;
  if (n_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(n_), N = static_cast<double>(population);
  const double R = ratio();
  const double squares = std::max(0.0, yy_ - 2 * R * xy_ + R * R * xx_);
  return std::sqrt((1 - n / N) * n / (n - 1) * squares) / x_;
}

}  // namespace moesim
