// ChrF is the character n-gram F-score of outputs against references (Popović 2015): F2 over n = 1 to
// 6, of a whole set of pairs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moesim {

// With h(n), r(n) and m(n) the n-grams of all outputs, of all references and those in common
// (clipped per pair),
//   P = mean of m(n) / h(n), R = mean of m(n) / r(n), over the n with h(n) > 0 and r(n) > 0,
//   score = (1 + β²) P R / (β² P + R), β = 2,
// 0 to 1. Characters are code points; white space (ASCII) is left out.
class ChrF {
 public:
  static constexpr std::size_t kOrder = 6;

  void add(std::string_view output, std::string_view reference);
  // 0 if nothing is in common; NaN before the first pair.
  double score() const;

 private:
  struct Counts {
    std::int64_t output = 0, reference = 0, common = 0;
  };
  std::array<Counts, kOrder> counts_ = {};
  bool any_ = false;
};

}  // namespace moesim
