// Tests quantisation against numbers worked out by hand and naive loops.
#include "sim/transform/quantise.hpp"

#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

constexpr double kExact = 1e-12;

std::vector<double> rounded(const std::vector<double>& row, int bits) {
  const WeightGrid grid(row, bits);
  std::vector<double> values;
  for (const double weight : row) values.push_back(grid.value(grid.code(weight)));
  return values;
}

std::vector<double> some_row(std::size_t n, unsigned seed) {
  std::vector<double> row;
  for (std::size_t i = 0; i < n; ++i)
    row.push_back(std::sin(static_cast<double>((i + 1) * (seed + 3))) * (1 + seed % 3));
  return row;
}

TEST_CASE("quantise: two bits by hand", "[transform]") {
  // lo = -1, hi = 2: s = 1, z = 1; 0.5 is half way and goes to the even 0.
  CHECK(rounded({-1, 0, 0.5, 1.5, 2}, 2) == std::vector<double>{-1, 0, 0, 2, 2});
  CHECK(rounded({0, 0, 0}, 2) == std::vector<double>{0, 0, 0});
  CHECK(rounded({3, 3}, 1) == std::vector<double>{3, 3});  // lo is 0, hi is the constant
  CHECK(rounded({-3, -3}, 4) == std::vector<double>{-3, -3});
}

TEST_CASE("quantise: ternary by hand", "[transform]") {
  CHECK(rounded({1, 0.5, 0.51, -0.2, -0.11, -0.1}, 0) ==
        std::vector<double>{1, 0, 1, -0.2, -0.2, 0});
}

TEST_CASE("quantise: values are within half a step, and stay when quantised again", "[transform]") {
  for (const int bits : {2, 3, 4, 8})
    for (unsigned seed = 0; seed < 20; ++seed) {
      CAPTURE(bits, seed);
      const std::vector<double> row = some_row(33, seed), once = rounded(row, bits),
                                twice = rounded(once, bits);
      const double step = WeightGrid(row, bits).step();
      for (std::size_t i = 0; i < row.size(); ++i) {
        CHECK(std::abs(row[i] - once[i]) <= step / 2 + 1e-12);
        CHECK(std::abs(once[i] - twice[i]) < 1e-12);
      }
    }
  const std::vector<double> once = rounded(some_row(33, 1), 0);
  CHECK(rounded(once, 0) == once);
}

TEST_CASE("quantise: entropy of codes", "[transform]") {
  CHECK(entropy_bits(std::vector<index>{5, 5}) == 1);
  CHECK(entropy_bits(std::vector<index>{7, 0, 0}) == 0);
  CHECK(entropy_bits(std::vector<index>{}) == 0);
  // 88.5 % zeros of three values: 0.6298 bits (Frantar & Alistarh 2023: 0.63).
  CHECK(entropy_bits(std::vector<index>{575, 8850, 575}) == Approx(0.62982).margin(5e-6));
}

TEST_CASE("quantise: each output unit and group has its own grid", "[transform]") {
  const index experts = 2, in = 6, out = 3;
  HostTensor matrices{{experts, in, out}, {}};
  for (const double value : some_row(36, 4)) matrices.values.push_back(static_cast<real>(value));
  for (const index group : {index{0}, index{4}, index{2}}) {
    CAPTURE(group);
    HostTensor done = matrices;
    std::vector<index> counts(16, 0);
    index rows = 0, all = 0;
    quantise({.bits = 4, .group = group}, done, counts, rows);
    for (const index count : counts) all += count;
    CHECK(all == 36);
    CHECK(rows == experts * out * (group == 0 ? 1 : (in + group - 1) / group));
    for (index e = 0; e < experts; ++e)
      for (index o = 0; o < out; ++o)
        for (index i = 0; i < in; ++i) {  // the naive grid of the weight's own row
          const index width = group == 0 ? in : group, first = i / width * width;
          double low = 0, high = 0;
          for (index j = first; j < std::min(in, first + width); ++j) {
            const double w = static_cast<double>(
                matrices.values[static_cast<std::size_t>((e * in + j) * out + o)]);
            low = std::min(low, w), high = std::max(high, w);
          }
          const auto at = static_cast<std::size_t>((e * in + i) * out + o);
          const double scale = (high - low) / 15, zero = std::rint(-low / scale);
          double q = std::rint(static_cast<double>(matrices.values[at]) / scale) + zero;
          q = q < 0 ? 0 : q > 15 ? 15 : q;
          CHECK(static_cast<double>(done.values[at]) == Approx(scale * (q - zero)).margin(kExact));
        }
  }
}

TEST_CASE("quantise: the matrices of experts alone, and their size", "[transform]") {
  const Training training({"router.name", "token_choice", "model.layers", "2"}, 1);
  const HostTensors before = tensors_of(training);
  HostTensors after = before;
  const QuantisedSize size = quantise_experts({.bits = 3}, after, *training.model);
  double values = 0;
  for (const auto& [name, tensor] : before) {
    CAPTURE(name);
    values += static_cast<double>(tensor.values.size());
    CHECK((after.at(name).values != tensor.values) ==
          (name.find(".experts.w") != std::string::npos));
  }
  // Two layers of four experts with 16 x 32 and 32 x 16 weights, 48 output units each.
  CHECK(size.weights == 2 * 4 * 2 * 16 * 32);
  CHECK(size.rows == 2 * 4 * 48);
  CHECK(size.bits == Approx(3 + 64.0 * 384 / 8192));
  CHECK(size.entropy > 1);
  CHECK(size.entropy < 3);
  CHECK(size.bytes_before == 4 * values);
  CHECK(size.bytes_after == Approx(4 * (values - 8192) + 8192 * 3 / 8.0 + 384 * 8));
  const Training lora({"router.name", "token_choice", "expert.name", "lora"}, 1);
  HostTensors of_lora = tensors_of(lora);
  CHECK_THROWS_WITH(quantise_experts({.bits = 3}, of_lora, *lora.model),
                    contains("do not say which of their parameters"));
}

}  // namespace
}  // namespace moesim::testing
