// Computes a permutation baseline: what a statistic is if the labels of tokens are shuffled, so that they say
// nothing about the experts.
#pragma once

#include "analysis/statistics/sample.hpp"
#include "analysis/traces/token_choices.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// The number of shuffles, and the key of their random numbers (Philox).
struct Shuffles {
  std::size_t count = 200;
  std::uint32_t key = 0;  // e.g. of the layer: other keys give other shuffles
};

// Shuffles `values` (Fisher and Yates, 1938), as a function of shuffle number and key only.
void shuffle(std::vector<std::int32_t>& values, std::uint32_t number, std::uint32_t key);

// The mutual information of label and expert, plug-in, after each shuffle of the labels of tokens;
// the choices of a token stay together. label [tokens]: 0 .. labels - 1, or -1 to leave a token out.
std::vector<double> shuffled_information(std::span<const std::int32_t> label, std::size_t labels,
                                         const TokenChoices& choices, const Shuffles& shuffles);

// Baseline is the distribution of a statistic over shuffles.
struct Baseline {
  double mean = kNone;
  // 95 %: quantiles 2.5 and 97.5 % of 40 shuffles or more; else mean ± t s √(1 + 1/n), which has the
  // next shuffle with 95 % if they are normal. None with fewer than two.
  Interval interval;
  // P(statistic ≥ observed) = (1 + shuffles as high) / (1 + shuffles) (Phipson and Smyth, 2010)
  double p = kNone;
};

Baseline baseline_of(const std::vector<double>& shuffled, double observed);

}  // namespace moesim
