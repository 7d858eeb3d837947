#include "analysis/traces/shuffles.hpp"

#include "analysis/statistics/difference.hpp"
#include "sim/core/random.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <omp.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr std::size_t kMostCells = std::size_t{1} << 24;
constexpr std::size_t kFewForQuantiles = 40;
constexpr double kMostScratch = 256 << 20;  // bytes of all threads

// The choices of the tokens that have a label.
struct Labelled {
  std::vector<std::int32_t> label;
  TokenChoices choices;
};

Labelled labelled(std::span<const std::int32_t> label, const TokenChoices& choices) {
  Labelled kept;
  kept.choices.experts = choices.experts;
  kept.choices.begin.reserve(choices.begin.size());
  kept.choices.expert.reserve(choices.expert.size());
  kept.label.reserve(label.size());
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    if (label[t] < 0) continue;
    const auto of = choices.of(t);
    kept.label.push_back(label[t]);
    kept.choices.expert.insert(kept.choices.expert.end(), of.begin(), of.end());
    kept.choices.begin.push_back(static_cast<std::uint32_t>(kept.choices.expert.size()));
  }
  return kept;
}

// n log n, from a table where n is small.
class LogTable {
 public:
  LogTable() : small_(1 << 12) {
    for (std::size_t n = 1; n < small_.size(); ++n) small_[n] = value(static_cast<double>(n));
  }
  double operator()(std::uint64_t n) const {
    return n < small_.size() ? small_[n] : value(static_cast<double>(n));
  }

 private:
  static double value(double n) { return n * std::log(n); }
  std::vector<double> small_;
};

// The table of labels and experts of one shuffle; memory is kept for the next.
class LabelTally {
 public:
  LabelTally(std::size_t labels, const TokenChoices& choices, const LogTable& log)
      : choices_(choices), log_(log), row_(labels) {
    const auto experts = static_cast<std::size_t>(choices.experts);
    // A dense table is cleared and summed each time, so it should not be much larger than the trace.
    if (labels * experts <= std::min(kMostCells, 4096 + 4 * choices.expert.size()))
      cells_.resize(labels * experts);
    for (const double n : choices.load()) cols_ += log_(static_cast<std::uint64_t>(n));
  }

  double information(const std::vector<std::int32_t>& label) {
    const auto total = static_cast<double>(choices_.expert.size());
    if (choices_.expert.empty()) return 0;
    std::fill(row_.begin(), row_.end(), 0);
    for (std::size_t t = 0; t < label.size(); ++t)
      row_[static_cast<std::size_t>(label[t])] += choices_.begin[t + 1] - choices_.begin[t];
    double rows = 0;
    for (const std::uint64_t n : row_) rows += log_(n);
    const double joint = cells_.empty() ? sorted(label) : dense(label);
    return std::max(0.0, std::log(total) + (joint - rows - cols_) / total);
  }

 private:
  // Σ n log n over cells.
  double dense(const std::vector<std::int32_t>& label) {
    std::fill(cells_.begin(), cells_.end(), 0);
    const auto experts = static_cast<std::size_t>(choices_.experts);
    const std::int32_t* expert = choices_.expert.data();
    std::uint32_t* cells = cells_.data();
    for (std::size_t t = 0; t < label.size(); ++t) {
      std::uint32_t* row = cells + static_cast<std::size_t>(label[t]) * experts;
      const std::uint32_t end = choices_.begin[t + 1];
      for (std::uint32_t i = choices_.begin[t]; i < end; ++i) ++row[expert[i]];
    }
    double sum = 0;
    for (const std::uint32_t n : cells_)
      if (n > 1) sum += log_(n);
    return sum;
  }
  double sorted(const std::vector<std::int32_t>& label) {
    keys_.clear();
    keys_.reserve(choices_.expert.size());
    for (std::size_t t = 0; t < label.size(); ++t)
      for (const std::int32_t e : choices_.of(t))
        keys_.push_back(static_cast<std::uint64_t>(label[t]) *
                            static_cast<std::uint64_t>(choices_.experts) +
                        static_cast<std::uint64_t>(e));
    std::sort(keys_.begin(), keys_.end());
    double sum = 0;
    for (std::size_t i = 0, from = 0; i < keys_.size(); from = i) {
      while (i < keys_.size() && keys_[i] == keys_[from]) ++i;
      sum += log_(i - from);
    }
    return sum;
  }

  const TokenChoices& choices_;
  const LogTable& log_;
  std::vector<std::uint64_t> row_;
  std::vector<std::uint32_t> cells_;
  std::vector<std::uint64_t> keys_;
  double cols_ = 0;  // Σ n(e) log n(e)
};

// Of as many shuffles at a time as fit in memory; one for small tables.
int shuffle_threads(const TokenChoices& choices) {
  const double each = 16.0 * static_cast<double>(choices.expert.size());
  if (each < 1e5) return 1;
  return std::clamp(static_cast<int>(kMostScratch / each), 1, omp_get_max_threads());
}

}  // namespace

void shuffle(std::vector<std::int32_t>& values, std::uint32_t number, std::uint32_t key) {
  const Stream stream{.seed = hash_name("moesim analyze"),
                      .purpose = Purpose::sampling,
                      .step = number,
                      .layer = key,
                      .step_at = nullptr};
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = values.size(), draw = 0; i > 1; --i, ++draw) {
    if (draw % 2 == 0) words = random_block(stream, draw / 2);
    const std::size_t half = draw % 2 * 2;
    const std::uint64_t word = std::uint64_t{words[half]} << 32 | words[half + 1];
    // Multiply and shift: uniform in 0 .. i - 1, as random_below().
    const auto j = static_cast<std::size_t>(static_cast<unsigned __int128>(word) * i >> 64);
    std::swap(values[i - 1], values[j]);
  }
}

std::vector<double> shuffled_information(std::span<const std::int32_t> label, std::size_t labels,
                                         const TokenChoices& choices, const Shuffles& shuffles) {
  std::vector<double> found(shuffles.count);
  const Labelled kept = labelled(label, choices);
  const LogTable log;
#pragma omp parallel num_threads(shuffle_threads(kept.choices))
  {
    LabelTally tally(labels, kept.choices, log);
    std::vector<std::int32_t> shuffled;
#pragma omp for schedule(dynamic)
    for (std::size_t i = 0; i < found.size(); ++i) {
      shuffled = kept.label;
      shuffle(shuffled, static_cast<std::uint32_t>(i), shuffles.key);
      found[i] = tally.information(shuffled);
    }
  }
  return found;
}

Baseline baseline_of(const std::vector<double>& shuffled, double observed) {
  Baseline baseline;
  if (shuffled.empty()) return baseline;
  const Sample sample = sample_of(shuffled);
  const auto n = static_cast<double>(shuffled.size());
  baseline.mean = sample.mean;
  if (shuffled.size() >= kFewForQuantiles) {
    baseline.interval = {quantile(shuffled, 0.025), quantile(shuffled, 0.975)};
  } else if (shuffled.size() > 1) {
    const boost::math::students_t t(n - 1);
    const double half =
        boost::math::quantile(complement(t, 0.025)) * sample.deviation * std::sqrt(1 + 1 / n);
    baseline.interval = {sample.mean - half, sample.mean + half};
  }
  // Shuffles that are equal up to rounding count as high.
  const double bound = observed - 1e-12 * std::max(1.0, std::abs(observed));
  const auto high =
      std::count_if(shuffled.begin(), shuffled.end(), [&](double value) { return value >= bound; });
  baseline.p = (1 + static_cast<double>(high)) / (1 + n);
  return baseline;
}

}  // namespace moesim
