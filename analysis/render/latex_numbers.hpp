// Writes numbers of a LaTeX column: their precision, the room that they need, what is not finite.
#pragma once

#include <algorithm>
#include <string>

namespace moesim {

// Room is the table-format of an S column: the width of its longest number.
struct Room {
  std::size_t whole = 1, decimals = 0;
  bool negative = false;
  std::string mark = {};       // the longest mark after a number
  std::string alignment = {};  // alignment of numbers under a wider header

  void hold(const std::string& number);
  void hold_mark(const std::string& other) {
    if (other.size() > mark.size()) mark = other;
  }
  std::string format() const;
  std::size_t characters() const { return whole + decimals + 2; }
};

// Returns padding for the sign and digits that `number` lacks compared with `widest`.
std::string padding(const std::string& number, const Room& widest);

// Returns the number of decimals that a deviation supports: two significant digits of it, at most
// `most`.
int supported_decimals(double deviation, int most);

std::string not_finite(double value);  // in LaTeX

}  // namespace moesim
