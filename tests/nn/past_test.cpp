// Tests the cache of keys and values against loops in double: texts of equal and of different
// length, several passes, and shared heads of keys and values.
#include "sim/nn/past.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

constexpr double kPastRounding = 1e-12;
constexpr index kPastHeads = 4, kPastWidth = 3, kPastRow = 3 * kPastHeads * kPastWidth;

// Queries, keys and values of one token.
using PastRow = std::vector<double>;

// softmax(q kᵀ / √d) v of the last row over all rows.
PastRow last_attention(const std::vector<PastRow>& rows) {
  PastRow y;
  for (index h = 0; h < kPastHeads; ++h) {
    const auto value = [&](const PastRow& row, index part, index c) {
      return row[static_cast<std::size_t>((part * kPastHeads + h) * kPastWidth + c)];
    };
    std::vector<double> weights;
    double sum = 0;
    for (const PastRow& row : rows) {
      double score = 0;
      for (index c = 0; c < kPastWidth; ++c) score += value(rows.back(), 0, c) * value(row, 1, c);
      weights.push_back(std::exp(score / std::sqrt(double(kPastWidth))));
      sum += weights.back();
    }
    for (index c = 0; c < kPastWidth; ++c) {
      double mean = 0;
      for (std::size_t j = 0; j < rows.size(); ++j) mean += weights[j] / sum * value(rows[j], 2, c);
      y.push_back(mean);
    }
  }
  return y;
}

// A row whose keys and values are the same for kPastHeads / kv_heads consecutive heads.
PastRow drawn_row(std::uint32_t key, index kv_heads) {
  const std::vector<real> values = normal_values(kPastRow, key);
  PastRow row(values.begin(), values.end());
  for (index part = 1; part < 3; ++part)
    for (index h = 0; h < kPastHeads; ++h) {
      const index from = h / (kPastHeads / kv_heads) * (kPastHeads / kv_heads);
      for (index c = 0; c < kPastWidth; ++c)
        row[static_cast<std::size_t>((part * kPastHeads + h) * kPastWidth + c)] =
            row[static_cast<std::size_t>((part * kPastHeads + from) * kPastWidth + c)];
    }
  return row;
}

// One pass with so many new tokens of each text.
void check_pass(KeyValueCache& cache, std::vector<std::vector<PastRow>>& texts,
                const std::vector<std::int32_t>& counts, index kv_heads, std::uint32_t& key) {
  std::vector<real> qkv;
  std::vector<PastRow> expected;
  std::vector<std::int32_t> offset = {0};
  for (std::size_t b = 0; b < counts.size(); ++b) {
    offset.push_back(offset.back() + counts[b]);
    for (std::int32_t i = 0; i < counts[b]; ++i) {
      texts[b].push_back(drawn_row(key++, kv_heads));
      expected.push_back(last_attention(texts[b]));
      for (const double value : texts[b].back()) qkv.push_back(static_cast<real>(value));
    }
  }
  const index N = offset.back();
  const Segments rows{.offset = Indices::of(offset, test_backend()), .rows = N};
  const std::vector<real> y =
      cache.attend(Tensor::of({N, kPastRow}, qkv, test_backend()), kPastHeads, rows).to_host();
  REQUIRE(y.size() == expected.size() * kPastHeads * kPastWidth);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(i);
    REQUIRE(std::abs(static_cast<double>(y[i]) -
                     expected[i / (kPastHeads * kPastWidth)][i % (kPastHeads * kPastWidth)]) <
            kPastRounding);
  }
}

TEST_CASE("key-value cache: attention over all tokens so far", "[past]") {
  using Passes = std::vector<std::vector<std::int32_t>>;  // new tokens of each text
  for (const index kv_heads : {1, 2, 4})
    for (const Passes& passes : {Passes{{5}, {1}, {1}, {3}},
                                 {{4, 4}, {1, 1}, {2, 2}},
                                 {{1, 1, 1}, {1, 1, 1}},
                                 {{3, 0, 1}, {1, 0, 1}, {0, 2, 0}, {1, 1, 1}},
                                 {{0, 0}, {2, 1}, {0, 1}}}) {
      CAPTURE(kv_heads, passes);
      const std::size_t B = passes.front().size();
      KeyValueCache cache(static_cast<index>(B), 10, kv_heads);
      std::vector<std::vector<PastRow>> texts(B);
      std::uint32_t key = 1;
      for (const auto& counts : passes) check_pass(cache, texts, counts, kv_heads, key);
      REQUIRE(cache.bytes() ==
              2 * sizeof(real) * 10 * B * static_cast<std::size_t>(kv_heads * kPastWidth));
    }
}

TEST_CASE("key-value cache: more tokens than it has room for", "[past]") {
  KeyValueCache cache(1, 3, kPastHeads);
  std::vector<std::vector<PastRow>> texts(1);
  std::uint32_t key = 1;
  check_pass(cache, texts, {3}, kPastHeads, key);
  const Segments rows{.offset = Indices::of({0, 1}, test_backend()), .rows = 1};
  REQUIRE_THROWS_WITH(cache.attend(Tensor::zeros({1, kPastRow}, test_backend()), kPastHeads, rows),
                      "key-value cache: 4 tokens of a text for a cache of 3");
}

}  // namespace
}  // namespace moesim::testing
