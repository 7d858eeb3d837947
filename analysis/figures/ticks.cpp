#include "analysis/figures/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

namespace moesim {
namespace {

// Rounds up to 1, 2, 2.5 or 5 times a power of ten.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

std::string superscript(int exponent) {
  static const char* const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const char c : std::to_string(exponent)) text += c == '-' ? "⁻" : digits[c - '0'];
  return text;
}

// Replaces '-' by a minus sign that is as wide as a digit.
std::string signed_text(const std::string& text) {
  return text.starts_with('-') ? "\u2212" + text.substr(1) : text;
}

// Formats numbers with the fewest digits that all of them need.
std::vector<std::string> labels_of(const std::vector<double>& values, double unit) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value / unit));
  int decimals = 0;
  const auto exact = [&](double value) {
    const double scaled = value / unit * std::pow(10, decimals);
    return std::abs(scaled - std::round(scaled)) < 1e-6 * std::max(1.0, std::abs(scaled));
  };
  while (decimals < 8 && !std::all_of(values.begin(), values.end(), exact)) ++decimals;
  std::vector<std::string> labels;
  for (const double value : values) {
    std::string text = fmt::format("{:.{}f}", value / unit, decimals);
    if (std::strtod(text.c_str(), nullptr) == 0 && text.starts_with('-')) text.erase(0, 1);
    labels.push_back(signed_text(text));
  }
  return labels;
}

void label(Ticks& ticks) {
  double largest = 0;
  for (const double at : ticks.at) largest = std::max(largest, std::abs(at));
  int power = 0;
  if (largest >= 1e4 || (largest > 0 && largest < 1e-2))
    power = 3 * static_cast<int>(std::floor(std::log10(largest) / 3));
  if (power != 0) ticks.factor = "×10" + superscript(power);
  ticks.labels = labels_of(ticks.at, std::pow(10, power));
}

}  // namespace

Ticks linear_ticks(double low, double high, int count) {
  Ticks ticks{.low = low, .high = high, .at = {}, .labels = {}, .factor = {}};
  const double step = round_step((high - low) / std::max(count, 1));
  // If a step is below the rounding of the values, k + 1 equals k.
  const std::size_t most = 4 * static_cast<std::size_t>(std::max(count, 1)) + 4;
  for (double k = std::ceil(low / step - 1e-9);
       k * step <= high + 1e-9 * step && ticks.at.size() < most; ++k)
    ticks.at.push_back(k * step);
  label(ticks);
  return ticks;
}

Ticks logarithmic_ticks(double low, double high, int count) {
  Ticks ticks{.low = low, .high = high, .logarithmic = true, .at = {}, .labels = {}, .factor = {}};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const int every = std::max(1, (last - first) / std::max(count, 1));
  for (const std::vector<double>& factors : {std::vector<double>{1}, {1, 3}, {1, 2, 5}}) {
    ticks.at.clear();
    for (int power = first; power <= last; power += every)
      for (const double factor : factors)
        if (const double at = factor * std::pow(10, power);
            at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9))
          ticks.at.push_back(at);
    if (ticks.at.size() >= 3) break;
  }
  if (ticks.at.size() < 2) {  // less than a factor of two: as on a linear axis
    ticks.at = linear_ticks(low, high, count).at;
    label(ticks);
    return ticks;
  }
  for (const double at : ticks.at) {
    const double power = std::floor(std::log10(at) + 1e-9);
    const double factor = at / std::pow(10, power);
    if (at >= 1e-3 && at < 1e5)
      ticks.labels.push_back(fmt::format("{:.6g}", at));
    else
      ticks.labels.push_back((std::round(factor) == 1 ? "" : fmt::format("{:.0f}·", factor)) +
                             "10" + superscript(static_cast<int>(power)));
  }
  return ticks;
}

Ticks ticks_at(double low, double high, bool logarithmic, const std::vector<double>& places) {
  Ticks ticks{.low = low,
              .high = high,
              .logarithmic = logarithmic,
              .at = places,
              .labels = {},
              .factor = {}};
  label(ticks);
  if (ticks.factor.empty()) ticks.labels = number_labels(ticks.at);
  return ticks;
}

std::vector<std::string> number_labels(const std::vector<double>& values) {
  std::vector<std::string> labels;
  for (const double value : values) labels.push_back(signed_text(fmt::format("{:.6g}", value)));
  return labels;
}

}  // namespace moesim
