// The data set "synthetic": independent sequences of a MarkovSource; it needs no files.
//
// Bayes loss: the mean over all positions of the validation sequences of -log p(target | the tokens
// of the context up to this position) under the true source, computed exactly by the forward
// filter. The predictor knows the source, but neither the domains nor anything before the context.
// The difference to a causal model's loss on the same sequences is that model's regret. Only a
// model that looks ahead can be below it in expectation.
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/markov.hpp"
#include "sim/data/order.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Stream layer of validation sequences; tables use the layers 0 .. symbols-1.
constexpr std::uint32_t kValidationLayer = 1u << 16;

class Synthetic final : public Dataset {
 public:
  Synthetic(const MarkovShape& shape, index length, index sequences) : source_(shape) {
    info_.length = length;
    info_.vocabulary = shape.symbols;
    info_.validation_rows = sequences;
    info_.validation_size = sequences * length;
    for (index d = 0; d < shape.domains; ++d) {
      info_.domains.push_back("domain" + std::to_string(d));
      info_.entropy_rate_of_domain.push_back(source_.entropy_rate(d));
    }
    for (index symbol = 0; symbol < shape.symbols; ++symbol) {
      double share = 0;
      for (index d = 0; d < shape.domains; ++d) share += source_.stationary(d, symbol);
      info_.unigram.push_back(std::llround(share / static_cast<double>(shape.domains) * 0x1p20));
    }
    find_bayes_loss();
    const std::string determined =
        source_.fingerprint() + fmt::format(" length {} validation {}", length, sequences);
    info_.sha256 = sha256_hex(determined.data(), determined.size());
  }

  const DatasetInfo& info() const override { return info_; }

  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    const bool train = split == Split::train;
    const BatchRows rows =
        train ? BatchRows{0, batch_size} : rows_of_step(step, batch_size, info_.validation_rows);
    Batch result{rows.count, info_.length, {}, {}, {}, {}};
    std::vector<std::int32_t> symbols(info_.length + 1), domains(info_.length + 1);
    for (index row = rows.first; row < rows.first + rows.count; ++row) {
      const Stream stream = train ? Stream{seed, Purpose::data, static_cast<std::uint32_t>(step),
                                           static_cast<std::uint32_t>(row)}
                                  : validation_stream(row);
      source_.sample(stream, symbols, domains);
      result.ids.insert(result.ids.end(), symbols.begin(), symbols.end() - 1);
      result.targets.insert(result.targets.end(), symbols.begin() + 1, symbols.end());
      result.domains.insert(result.domains.end(), domains.begin(), domains.end() - 1);
    }
    return result;
  }

 private:
  Stream validation_stream(index row) const {
    return {source_.shape().seed, Purpose::synthetic, static_cast<std::uint32_t>(row),
            kValidationLayer};
  }

  void find_bayes_loss() {
    const auto length = static_cast<std::size_t>(info_.length);
    std::vector<double> sums(info_.domains.size());
    std::vector<index> counts(info_.domains.size());
    std::vector<std::int32_t> symbols(length + 1), domains(length + 1);
    double total = 0;
    for (index row = 0; row < info_.validation_rows; ++row) {
      source_.sample(validation_stream(row), symbols, domains);
      const std::vector<double> costs = source_.code_lengths(symbols);
      for (std::size_t t = 0; t < length; ++t) {
        total += costs[t];
        sums[domains[t]] += costs[t];
        ++counts[domains[t]];
      }
    }
    info_.bayes_loss = total / static_cast<double>(info_.validation_size);
    for (std::size_t d = 0; d < sums.size(); ++d)
      info_.bayes_loss_of_domain.push_back(counts[d] ? sums[d] / static_cast<double>(counts[d])
                                                     : -1);
  }

  MarkovSource source_;
  DatasetInfo info_;
};

}  // namespace

std::unique_ptr<Dataset> make_synthetic(Options& options) {
  MarkovShape shape;
  const index length = options.integer("length", 64, {1, 65536}, "positions per sequence");
  shape.domains =
      options.integer("domains", 4, {1, 64}, "number of hidden domains, each with its own chain");
  shape.symbols = options.integer("symbols", 64, {2, 4096}, "size of the vocabulary");
  shape.branching = options.integer("branching", 4, {1, 4096}, "likely successors of every symbol");
  shape.smoothing = options.number("smoothing", 0.01, {0.01, 1},
                                   "probability of a symbol drawn from the whole vocabulary");
  shape.change =
      options.number("switch", 0.02, {0, 1},
                     "probability per token that the domain changes; 0: one domain per sequence");
  shape.seed = static_cast<std::uint64_t>(options.integer(
      "seed", 0, {0, IntegerRange{}.high}, "seed of the source, independent of run.seed"));
  const index sequences = options.integer("validation", 512, {1, 1 << 24}, "validation sequences");

  if (shape.branching > shape.symbols)
    options.reject("branching", fmt::format("more than data.symbols = {}", shape.symbols));
  constexpr index kMaxEntries = 1 << 22;
  const index entries = shape.domains * shape.symbols * shape.branching;
  if (entries > kMaxEntries)
    options.reject("branching",
                   fmt::format("domains x symbols x branching is {}, expected at most {}", entries,
                               kMaxEntries));
  constexpr index kMaxWork = 1 << 25;  // computing the Bayes loss then takes seconds at most
  const index work = sequences * length * shape.domains;
  if (work > kMaxWork)
    options.reject(
        "validation",
        fmt::format("validation x length x domains is {}, expected at most {}", work, kMaxWork));
  return std::make_unique<Synthetic>(shape, length, sequences);
}

}  // namespace moesim
