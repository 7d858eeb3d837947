// Tests chrF against values worked out by hand.
#include "analysis/statistics/chrf.hpp"

#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

double chrf(std::string_view output, std::string_view reference) {
  ChrF sum;
  sum.add(output, reference);
  return sum.score();
}

}  // namespace

TEST_CASE("chrF: values by hand", "[analysis][chrf]") {
  CHECK(chrf("a tree", "a tree") == 1);
  CHECK(chrf("abc", "xyz") == 0);
  CHECK(chrf("", "xyz") == 0);
  CHECK(std::isnan(ChrF().score()));
  // n = 1: 2 of 3, n = 2: 1 of 2, n = 3: 0 of 1, for output and reference alike.
  CHECK_THAT(chrf("abc", "abd"), WithinAbs(7.0 / 18, 1e-15));
  // P = 1; R = (2/3 + 1/2) / 2 = 7/12, as the output has no 3-gram: 5 P R / (4 P + R) = 7/11.
  CHECK_THAT(chrf("ab", "abc"), WithinAbs(7.0 / 11, 1e-15));
  // The other way round P = 7/12, R = 1: 5 · 7/12 / (28/12 + 1) = 7/8.
  CHECK_THAT(chrf("abc", "ab"), WithinAbs(7.0 / 8, 1e-15));
  // Clipped: two of the four a are in the reference. n = 1: 2/4, 2/2; n = 2: 1/3, 1/1.
  CHECK_THAT(chrf("aaaa", "aa"), WithinAbs(5 * (5.0 / 12) / (4 * (5.0 / 12) + 1), 1e-15));
  // White space does not count; a character of two bytes is one.
  CHECK(chrf("a b\tc", "ab c\n") == 1);
  CHECK_THAT(chrf("\xc3\xa4"
                  "b",
                  "\xc3\xb6"
                  "b"),
             WithinAbs(0.25, 1e-15));  // n = 1: 1 of 2, n = 2: 0 of 1
}

TEST_CASE("chrF: counts are summed over the set", "[analysis][chrf]") {
  ChrF sum;
  sum.add("ab", "ab");
  sum.add("c", "d");
  // n = 1: 2 of 3, n = 2: 1 of 1.
  CHECK_THAT(sum.score(), WithinAbs(5.0 / 6, 1e-15));
}

}  // namespace moesim::testing
