// MarkovSource is a source of symbols with known statistics: a hidden domain that changes at
// random, and a Markov chain of order 1 in each domain.
//
// Domain: the first is uniform; before every further symbol it changes with probability `change`,
// uniformly to one of the others. With change = 0 a sequence has one domain. Symbol: the first is
// drawn from the stationary distribution of its domain's chain, each further one from
//     p(next | previous) = (1 - smoothing) w(next) + smoothing / symbols
// of its own domain, where w is a draw from Dirichlet(1, ..., 1) over `branching` successors, which
// are drawn at random for every (domain, previous). Smoothing makes every chain ergodic.
//
// All tables are functions of `seed`.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/types.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace moesim {

struct MarkovShape {
  index domains = 4, symbols = 64, branching = 4;
  double smoothing = 0.01, change = 0.02;
  std::uint64_t seed = 0;
};

class MarkovSource {
 public:
  explicit MarkovSource(const MarkovShape& shape);

  const MarkovShape& shape() const { return shape_; }
  double probability(index domain, index previous, index next) const;
  double stationary(index domain, index symbol) const {
    return stationary_[domain * shape_.symbols + symbol];
  }
  // Entropy rate of one domain's chain, in nats per symbol.
  double entropy_rate(index domain) const;

  // Draws one sequence, a function of the stream: symbols and the domain of each.
  void sample(const Stream& stream, std::span<std::int32_t> symbols,
              std::span<std::int32_t> domains) const;

  // -log p(x[t+1] | x[0..t]), t = 0 .. n-2: the loss at each symbol after the first of a predictor
  // that knows the source but not the domains (forward filter of the hidden Markov model). No
  // causal predictor has a lower expected loss.
  std::vector<double> code_lengths(std::span<const std::int32_t> symbols) const;

  // All tables as bytes, for a hash.
  std::string fingerprint() const;

 private:
  index row(index domain, index previous) const {
    return (domain * shape_.symbols + previous) * shape_.branching;
  }
  void draw_row(index domain, index previous);
  void find_stationary(index domain);
  std::int32_t next_symbol(double u, index domain, index previous) const;

  MarkovShape shape_;
  std::vector<std::int32_t> successors_;  // [domains, symbols, branching], sorted within a row
  std::vector<double> cumulative_;        // of w, same shape
  std::vector<double> stationary_;        // [domains, symbols]
};

}  // namespace moesim
