// Tests self-attention against loops in double: heads of keys and values that are shared, head
// widths, norms of queries and keys; and that no output depends on later tokens.
#include "sim/nn/self_attention.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <functional>

namespace moesim::testing {
namespace {

constexpr index kBatch = 2, kLength = 5, kTokens = kBatch * kLength;
constexpr double kAttentionRounding = 1e-12;

std::vector<AttentionConfig> shapes() {
  std::vector<AttentionConfig> all;
  for (const index kv_heads : {0, 1, 2})
    for (const index head_width : {0, 3})
      for (const QkNorm norm : {QkNorm::none, QkNorm::head, QkNorm::all})
        for (const bool causal : {true, false})
          all.push_back({.width = 8,
                         .heads = 4,
                         .kv_heads = kv_heads,
                         .head_width = head_width,
                         .qk_norm = norm,
                         .causal = causal,
                         .rotary = false,
                         .bias = true,
                         .output_scale = 1});
  return all;
}

// The values of a parameter, in double.
using Matrix = std::function<double(index row, index col)>;
using Weights = std::map<std::string, std::vector<double>>;

Weights fill(const SelfAttention& attention) {
  Weights weights;
  std::uint32_t key = 3;
  for (const Parameter& p : attention.parameters()) {
    p.value.allocate(test_backend());
    const std::vector<real> values = normal_values(p.value.size(), key++);
    p.value.from_host(values);
    weights[p.name].assign(values.begin(), values.end());
  }
  return weights;
}

// x W + b.
std::vector<double> product(const std::vector<double>& x, const std::vector<double>& w,
                            const std::vector<double>& b) {
  const std::size_t n = b.size(), width = w.size() / n;
  std::vector<double> y(x.size() / width * n);
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = b[i % n];
    for (std::size_t d = 0; d < width; ++d) y[i] += x[i / n * width + d] * w[d * n + i % n];
  }
  return y;
}

// Divides `heads` heads of width d, of every row of n values from `first`, by their root mean
// square, each or all together.
void normalise(std::vector<double>& qkv, std::size_t n, std::size_t first, std::size_t heads,
               std::size_t d, QkNorm norm, const std::vector<double>& gain) {
  const std::size_t size = norm == QkNorm::all ? heads * d : d;
  for (std::size_t row = 0; row < qkv.size(); row += n)
    for (std::size_t at = row + first; at < row + first + heads * d; at += size) {
      double squares = 0;
      for (std::size_t i = 0; i < size; ++i) squares += qkv[at + i] * qkv[at + i];
      const double root = std::sqrt(squares / static_cast<double>(size) + 1e-5);
      for (std::size_t i = 0; i < size; ++i) qkv[at + i] *= gain[i] / root;
    }
}

// softmax(q kᵀ / √d) v of every head, by definition.
std::vector<double> naive(const AttentionConfig& c, const Weights& w,
                          const std::vector<double>& x) {
  const auto H = static_cast<std::size_t>(c.heads);
  const auto G = static_cast<std::size_t>(c.kv_heads > 0 ? c.kv_heads : c.heads);
  const auto d = static_cast<std::size_t>(c.head_width > 0 ? c.head_width : c.width / c.heads);
  const std::size_t n = (H + 2 * G) * d;
  std::vector<double> qkv = product(x, w.at("qkv.weight"), w.at("qkv.bias"));
  if (c.qk_norm != QkNorm::none) {
    normalise(qkv, n, 0, H, d, c.qk_norm, w.at("q_norm.gain"));
    normalise(qkv, n, H * d, G, d, c.qk_norm, w.at("k_norm.gain"));
  }
  std::vector<double> y(static_cast<std::size_t>(kTokens) * H * d);
  for (std::size_t t = 0; t < kTokens; ++t)
    for (std::size_t h = 0; h < H; ++h) {
      const std::size_t group = h / (H / G), begin = t / kLength * kLength;
      const std::size_t end = c.causal ? t + 1 : begin + kLength;
      double sum = 0;
      for (std::size_t s = begin; s < end; ++s) {
        double score = 0;
        for (std::size_t i = 0; i < d; ++i)
          score += qkv[t * n + h * d + i] * qkv[s * n + (H + group) * d + i];
        const double weight = std::exp(score / std::sqrt(static_cast<double>(d)));
        sum += weight;
        for (std::size_t i = 0; i < d; ++i)
          y[(t * H + h) * d + i] += weight * qkv[s * n + (H + G + group) * d + i];
      }
      for (std::size_t i = 0; i < d; ++i) y[(t * H + h) * d + i] /= sum;
    }
  return product(y, w.at("output.weight"), w.at("output.bias"));
}

TEST_CASE("attention: shared heads, widths and norms are those of the definition", "[nn]") {
  for (const AttentionConfig& config : shapes()) {
    CAPTURE(config.kv_heads, config.head_width, static_cast<int>(config.qk_norm), config.causal);
    const SelfAttention attention(config);
    const Weights weights = fill(attention);
    const std::vector<real> x = normal_values(kTokens * config.width, 77);
    const Tensor input = Tensor::of({kTokens, config.width}, x, test_backend());
    const std::vector<real> got = attention.forward(input, kBatch, kLength).to_host();
    const std::vector<double> want = naive(config, weights, {x.begin(), x.end()});
    REQUIRE(got.size() == want.size());
    double most = 0, size = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      most = std::max(most, std::abs(static_cast<double>(got[i]) - want[i]));
      size = std::max(size, std::abs(want[i]));
    }
    CHECK(most <= kAttentionRounding * size);
  }
}

TEST_CASE("attention: later tokens change no bit of earlier outputs", "[nn]") {
  for (AttentionConfig config : shapes()) {
    if (!config.causal) continue;
    config.head_width = 4, config.rotary = true;
    CAPTURE(config.kv_heads, static_cast<int>(config.qk_norm));
    const SelfAttention attention(config);
    fill(attention);
    std::vector<real> x = normal_values(kTokens * config.width, 78);
    const auto outputs = [&] {
      const Tensor input = Tensor::of({kTokens, config.width}, x, test_backend());
      return attention.forward(input, kBatch, kLength).to_host();
    };
    const std::vector<real> before = outputs();
    const auto cut = static_cast<std::ptrdiff_t>(3 * config.width);
    for (index i = 3 * config.width; i < kLength * config.width; ++i)
      x[static_cast<std::size_t>(i)] += 1;
    const std::vector<real> after = outputs();
    CHECK(std::equal(before.begin(), before.begin() + cut, after.begin()));
    CHECK_FALSE(std::equal(before.begin() + cut, before.end(), after.begin() + cut));
  }
}

TEST_CASE("attention: parameters and FLOPs by hand", "[nn]") {
  const SelfAttention attention({.width = 8,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .head_width = 3,
                                 .qk_norm = QkNorm::head,
                                 .causal = true,
                                 .rotary = false,
                                 .bias = false,
                                 .output_scale = 1});
  // Queries, keys and values 8 · (4 + 2 + 2) · 3, output 4 · 3 · 8, two gains of 3.
  CHECK(count(attention.parameters()) == 192 + 96 + 6);
  // 2 FLOPs for each weight; scores and sums over (5 + 1) / 2 keys for 4 heads of width 3.
  CHECK(attention.flops_per_token(5) == 2 * (192 + 96) + 4 * 12 * 3);
}

}  // namespace
}  // namespace moesim::testing
