#include "analysis/render/latex_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace moesim {

void Room::hold(const std::string& number) {
  const bool minus = number[0] == '-';
  const std::size_t point = std::min(number.find('.'), number.size());
  whole = std::max(whole, point - (minus ? 1 : 0));
  if (point < number.size()) decimals = std::max(decimals, number.size() - point - 1);
  negative |= minus;
}

std::string Room::format() const {
  return fmt::format("S[table-format={}{}.{}{}{}]", negative ? "-" : "", whole, decimals,
                     mark.empty() ? "" : ",table-space-text-post=" + mark,
                     alignment.empty() ? "" : ",table-number-alignment=" + alignment);
}

std::string padding(const std::string& number, const Room& widest) {
  Room own;
  own.hold(number);
  std::string text;
  if (widest.negative && !own.negative) text += "\\phantom{$-$}";
  if (widest.whole > own.whole)
    text += "\\phantom{" + std::string(widest.whole - own.whole, '0') + "}";
  return text;
}

int supported_decimals(double deviation, int most) {
  if (!std::isfinite(deviation) || deviation <= 0) return most;
  // The exponent after rounding: 0.0996 is 1.0e-01.
  const std::string two_digits = fmt::format("{:.1e}", deviation);
  const int exponent = std::atoi(two_digits.c_str() + two_digits.find('e') + 1);
  return std::clamp(1 - exponent, 0, most);
}

std::string not_finite(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "$-\\infty$" : "$\\infty$";
}

}  // namespace moesim
