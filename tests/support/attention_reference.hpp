// Computes attention in every compute type, as loops in double over factors rounded here.
#pragma once

#include "sim/backend/kernel_arguments.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/factors.hpp"
#include "tests/support/tolerance.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace moesim::testing {

// In double: rows of what a query, a key and a value is, rounded or not.
struct AttentionReference {
  const Attention& a;
  index tile;               // keys that share a maximum
  std::vector<double> qkv;  // factors
  std::vector<Sum> y, dqkv;

  std::size_t at(index which, index head, index row, index col) const {
    return static_cast<std::size_t>((row * 3 + which) * a.heads * a.head_size + head * a.head_size +
                                    col);
  }
  std::size_t out(index head, index row, index col) const {
    return static_cast<std::size_t>((row * a.heads + head) * a.head_size + col);
  }
  index seen(index query) const { return a.causal ? query + 1 : a.length; }
  double score(index head, index query, index key) const {
    double sum = 0;
    for (index i = 0; i < a.head_size; ++i)
      sum += qkv[at(0, head, query, i)] * qkv[at(1, head, key, i)];
    return double(a.scale) * sum;
  }

  // Weights are rounded as exp(score - the largest so far).
  double forward(index head, index query, std::vector<double>& scores) {
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    std::vector<Sum> sum(static_cast<std::size_t>(a.head_size));
    for (index first = 0; first < seen(query); first += tile) {
      const index end = std::min(first + tile, seen(query));
      double now = largest;
      for (index key = first; key < end; ++key) {
        scores[static_cast<std::size_t>(key)] = score(head, query, key);
        now = std::max(now, scores[static_cast<std::size_t>(key)]);
      }
      const double shrink = std::exp(largest - now);
      largest = now;
      total *= shrink;
      for (Sum& s : sum) s.value *= shrink, s.size *= shrink;
      for (index key = first; key < end; ++key) {
        const double p = std::exp(scores[static_cast<std::size_t>(key)] - largest);
        total += p;
        for (index i = 0; i < a.head_size; ++i)
          sum[static_cast<std::size_t>(i)].add(rounded(a.compute, p) * qkv[at(2, head, key, i)]);
      }
    }
    for (index i = 0; i < a.head_size; ++i) {
      const Sum& s = sum[static_cast<std::size_t>(i)];
      y[out(head, query, i)] = {s.value / total, s.size / total};
    }
    return largest + std::log(total);
  }

  void run(const std::vector<double>& dy, const std::vector<double>& dy_exact) {
    for (index head = 0; head < a.heads; ++head)
      for (index query = 0; query < a.length; ++query) {
        std::vector<double> scores(static_cast<std::size_t>(a.length));
        const double lse = forward(head, query, scores);
        Sum delta;
        for (index i = 0; i < a.head_size; ++i)
          delta.add(dy_exact[out(head, query, i)] * y[out(head, query, i)].value);
        for (index key = 0; key < seen(query); ++key) {
          const double p = std::exp(scores[static_cast<std::size_t>(key)] - lse);
          Sum dp;
          for (index i = 0; i < a.head_size; ++i)
            dp.add(dy[out(head, query, i)] * qkv[at(2, head, key, i)]);
          const double low_p = rounded(a.compute, p);
          const double low_ds = rounded(a.compute, double(a.scale) * p * (dp.value - delta.value));
          const double size = double(a.scale) * p * (dp.size + delta.size);
          for (index i = 0; i < a.head_size; ++i) {
            dqkv[at(0, head, query, i)].add(low_ds * qkv[at(1, head, key, i)],
                                            size * qkv[at(1, head, key, i)]);
            dqkv[at(1, head, key, i)].add(low_ds * qkv[at(0, head, query, i)],
                                          size * qkv[at(0, head, query, i)]);
            dqkv[at(2, head, key, i)].add(low_p * dy[out(head, query, i)]);
          }
        }
      }
  }
};

// A weight between two representable values may round differently here and in the kernel, about
// once in some thousand times. So the mean error is decisive, and the largest only has a bound.
// `loose`: for hardware that adds the products of tensor cores in its own order and rounding.
inline void check_attention(const char* what, Compute compute, const std::vector<real>& got,
                            const std::vector<Sum>& want, bool loose = false) {
  const double mean = kDouble                        ? 1e-13
                      : compute == Compute::float32  ? 1e-6
                      : compute == Compute::bfloat16 ? (loose ? 6e-5 : 3e-5)
                                                     : (loose ? 2e-5 : 5e-6);
  double sum = 0, worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(double(got[i]) - want[i].value);
    const double error = off == 0 ? 0 : off / (want[i].size + 1e-6);
    REQUIRE(error == error);
    sum += error * error;
    worst = std::max(worst, error);
  }
  CAPTURE(what, worst);
  CHECK(std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, want.size()))) <= mean);
  CHECK(worst <= 200 * mean);
}

}  // namespace moesim::testing
