// Ticks are where an axis has numbers, and how these are written.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Ticks {
  double low = 0, high = 1;  // the ends of the axis
  bool logarithmic = false;
  std::vector<double> at;
  std::vector<std::string> labels;
  std::string factor;  // "×10⁶": what the labels are multiplied with; empty: 1
};

// About `count` round numbers in low..high; the ends stay as they are.
Ticks linear_ticks(double low, double high, int count);
// Powers of ten; 1, 2 and 5 times these where there would be fewer than three.
Ticks logarithmic_ticks(double low, double high, int count);
// Numbers at these places.
Ticks ticks_at(double low, double high, bool logarithmic, const std::vector<double>& places);

// Each with as few digits as it needs: 0.5, 1, 2.
std::vector<std::string> number_labels(const std::vector<double>& values);

}  // namespace moesim
