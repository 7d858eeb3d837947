#include "sim/data/markov.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Draw i, uniform in (0, 1) with 52 bits, never 0 or 1.
double draw(const Stream& stream, std::uint64_t i) {
  return (static_cast<double>(random_below(stream, i, std::uint64_t{1} << 52)) + 0.5) * 0x1p-52;
}

// Maps u in (0, 1) to 0 .. count-1.
index pick(double u, index count) {
  return std::min(static_cast<index>(u * static_cast<double>(count)), count - 1);
}

}  // namespace

MarkovSource::MarkovSource(const MarkovShape& shape) : shape_(shape) {
  if (shape_.domains == 1) shape_.change = 0;  // no other domain to change to
  successors_.resize(static_cast<std::size_t>(shape_.domains * shape_.symbols * shape_.branching));
  cumulative_.resize(successors_.size());
  stationary_.resize(static_cast<std::size_t>(shape_.domains * shape_.symbols));
  for (index domain = 0; domain < shape_.domains; ++domain) {
    for (index previous = 0; previous < shape_.symbols; ++previous) draw_row(domain, previous);
    find_stationary(domain);
  }
}

void MarkovSource::draw_row(index domain, index previous) {
  const Stream stream{shape_.seed, Purpose::synthetic, static_cast<std::uint32_t>(domain),
                      static_cast<std::uint32_t>(previous)};
  const index branching = shape_.branching;
  std::uint64_t drawn = 0;
  // A random subset of `branching` symbols (Floyd, in Bentley 1987), kept sorted.
  std::vector<std::int32_t> chosen;
  for (index top = shape_.symbols - branching; top < shape_.symbols; ++top) {
    auto symbol = static_cast<std::int32_t>(pick(draw(stream, drawn++), top + 1));
    auto place = std::lower_bound(chosen.begin(), chosen.end(), symbol);
    if (place != chosen.end() && *place == symbol) {
      symbol = static_cast<std::int32_t>(top);
      place = chosen.end();
    }
    chosen.insert(place, symbol);
  }
  // Exponential draws, normalised, are Dirichlet(1, ..., 1).
  std::vector<double> sums;
  double sum = 0;
  for (index j = 0; j < branching; ++j) sums.push_back(sum -= std::log(draw(stream, drawn++)));
  for (double& value : sums) value /= sum;
  std::copy(chosen.begin(), chosen.end(), successors_.begin() + row(domain, previous));
  std::copy(sums.begin(), sums.end(), cumulative_.begin() + row(domain, previous));
}

// Power iteration. Smoothing shrinks the error by 1 - smoothing each time, even if the chain
// without it would not converge.
void MarkovSource::find_stationary(index domain) {
  constexpr int kMaxIterations = 4000;
  const index symbols = shape_.symbols;
  const auto count = static_cast<double>(symbols);
  std::vector<double> now(symbols, 1 / count), next(symbols);
  double change = 1;
  for (int iteration = 0; iteration < kMaxIterations && change > 1e-14; ++iteration) {
    std::fill(next.begin(), next.end(), shape_.smoothing / count);
    for (index previous = 0; previous < symbols; ++previous) {
      const index begin = row(domain, previous);
      const double mass = (1 - shape_.smoothing) * now[previous];
      double below = 0;
      for (index j = begin; j < begin + shape_.branching; ++j) {
        next[successors_[j]] += mass * (cumulative_[j] - below);
        below = cumulative_[j];
      }
    }
    change = 0;
    for (index i = 0; i < symbols; ++i) change += std::abs(next[i] - now[i]);
    now.swap(next);
  }
  std::copy(now.begin(), now.end(), stationary_.begin() + domain * symbols);
}

double MarkovSource::probability(index domain, index previous, index next) const {
  const index first = row(domain, previous);
  const auto begin = successors_.begin() + first;
  const auto end = begin + shape_.branching;
  const auto found = std::lower_bound(begin, end, next);
  double weight = 0;
  if (found != end && *found == next) {
    const index j = found - successors_.begin();
    weight = cumulative_[j] - (j == first ? 0.0 : cumulative_[j - 1]);
  }
  return (1 - shape_.smoothing) * weight + shape_.smoothing / static_cast<double>(shape_.symbols);
}

double MarkovSource::entropy_rate(index domain) const {
  const double rest =
      shape_.smoothing / static_cast<double>(shape_.symbols);  // probability of each other symbol
  const auto others = static_cast<double>(shape_.symbols - shape_.branching);
  double rate = 0;
  for (index previous = 0; previous < shape_.symbols; ++previous) {
    double entropy = -others * rest * std::log(rest);
    for (index j = row(domain, previous); j < row(domain, previous) + shape_.branching; ++j) {
      const double p = probability(domain, previous, successors_[j]);
      entropy -= p * std::log(p);
    }
    rate += stationary(domain, previous) * entropy;
  }
  return rate;
}

std::int32_t MarkovSource::next_symbol(double u, index domain, index previous) const {
  const double smoothing = shape_.smoothing;
  if (u < smoothing) return static_cast<std::int32_t>(pick(u / smoothing, shape_.symbols));
  const auto begin = cumulative_.begin() + row(domain, previous);
  const auto last = begin + shape_.branching - 1;  // rounding may make its value just below 1
  const auto found = std::upper_bound(begin, last, (u - smoothing) / (1 - smoothing));
  return successors_[found - cumulative_.begin()];
}

void MarkovSource::sample(const Stream& stream, std::span<std::int32_t> symbols,
                          std::span<std::int32_t> domains) const {
  index domain = pick(draw(stream, 0), shape_.domains);
  double u = draw(stream, 1);
  index symbol = 0;
  while (symbol < shape_.symbols - 1 && u >= stationary(domain, symbol))
    u -= stationary(domain, symbol++);
  for (std::size_t t = 0; t < symbols.size(); ++t) {
    if (t > 0) {
      u = draw(stream, 2 * t);
      if (u < shape_.change)  // choose among the others, counting from the current one
        domain = (domain + 1 + pick(u / shape_.change, shape_.domains - 1)) % shape_.domains;
      symbol = next_symbol(draw(stream, 2 * t + 1), domain, symbol);
    }
    symbols[t] = static_cast<std::int32_t>(symbol);
    domains[t] = static_cast<std::int32_t>(domain);
  }
}

std::vector<double> MarkovSource::code_lengths(std::span<const std::int32_t> symbols) const {
  const index domains = shape_.domains;
  const double enter = domains > 1 ? shape_.change / static_cast<double>(domains - 1) : 0;
  std::vector<double> result, belief(domains);  // p(domain | symbols so far)
  double evidence = 0;
  for (index d = 0; d < domains; ++d) evidence += belief[d] = stationary(d, symbols[0]);
  for (std::size_t t = 1; t < symbols.size(); ++t) {
    const double known = evidence;
    evidence = 0;
    for (index d = 0; d < domains; ++d) {
      const double before = belief[d] / known;
      const double prior = (1 - shape_.change) * before + enter * (1 - before);
      belief[d] = prior * probability(d, symbols[t - 1], symbols[t]);
      evidence += belief[d];
    }
    result.push_back(-std::log(evidence));
  }
  return result;
}

std::string MarkovSource::fingerprint() const {
  std::string bytes;
  const auto append = [&bytes](const auto& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  append(shape_.domains), append(shape_.symbols), append(shape_.branching), append(shape_.seed);
  append(shape_.smoothing), append(shape_.change);
  for (const std::int32_t successor : successors_) append(successor);
  // Rounded, so that builds whose last bit differs (fused multiply-add) agree.
  for (const double value : cumulative_) append(static_cast<float>(value));
  return bytes;
}

}  // namespace moesim
