// Ticks are the positions of numbers on an axis, and their labels.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Ticks {
  double low = 0, high = 1;  // the ends of the axis
  bool logarithmic = false;
  std::vector<double> at;
  std::vector<std::string> labels;
  std::string factor;  // "×10⁶": common factor of the labels; empty: 1
};

// Returns about `count` round numbers in low..high; the ends of the axis are not changed.
Ticks linear_ticks(double low, double high, int count);
// Returns powers of ten, and also 2 and 5 times these if there would be fewer than three ticks.
Ticks logarithmic_ticks(double low, double high, int count);
// Returns ticks at the given positions.
Ticks ticks_at(double low, double high, bool logarithmic, const std::vector<double>& places);

// Formats each value with as few digits as it needs: 0.5, 1, 2.
std::vector<std::string> number_labels(const std::vector<double>& values);

}  // namespace moesim
