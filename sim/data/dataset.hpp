// What a data set gives: batches on the host, as a pure function of (split, seed, step).
//
// Nothing here knows the engine's number type or a device; tasks turn batches into tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/config/options.hpp"
#include "sim/core/types.hpp"

namespace moesim {

enum class Split { train, validation };

// B sequences of S positions, row-major [B, S].
struct Batch {
  index batch = 0, length = 0;
  std::vector<std::int32_t> ids;      // token ids [B·S]; empty for data with features
  std::vector<float> features;        // [B·S, F]; empty for token data
  std::vector<std::int32_t> targets;  // sequences: the next token of every position [B·S]; labelled data: [B]
  std::vector<std::int32_t> domains;  // domain of every position [B·S]; empty if the data has none
};

struct DatasetInfo {
  index length = 0;                  // S
  index vocabulary = 0;              // token ids are 0 .. vocabulary-1; 0 for data with features
  index features = 0;                // F; 0 for token data
  index classes = 0;                 // labels are 0 .. classes-1; 0 for sequences
  std::vector<std::string> domains;  // names; empty if the data has none
  index train_size = 0;              // positions (token data) or examples
  index validation_size = 0;
  double bayes_loss = -1;            // nats per token of the best possible causal predictor; -1 if unknown
  std::vector<double> bayes_loss_of_domain;  // the same by domain
  std::string sha256;                // of everything that determines the data
  std::vector<std::int64_t> unigram; // occurrences of each token id in the training split (hash routing)
};

class Dataset {
 public:
  // Options come from [data]; plug-ins of this kind register under `data.name`.
  using Make = std::function<std::unique_ptr<Dataset>(Options&)>;
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  // Batch number `step` of a split. Training: random places keyed by (seed, step). Validation: step counts through
  // fixed, non-overlapping pieces spread evenly over the split, the same for every seed, router and step of training.
  virtual Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const = 0;
  // Text of token ids, where there is one ("" otherwise).
  virtual std::string decode(const std::vector<std::int32_t>& ids) const;
  virtual std::vector<std::int32_t> encode(const std::string& text) const;
};

// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(const void* data, std::size_t bytes);

}  // namespace moesim
