// What a data set gives: batches on the host, as a pure function of (split, seed, step).
//
// Nothing here knows the engine's number type or a device; tasks turn batches into tensors. A data
// set does not change after construction, so one may serve several threads. Which data sets there
// are: datasets.hpp.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

enum class Split { train, validation };

// B sequences of S positions, row-major.
struct Batch {
  index batch = 0, length = 0;
  std::vector<std::int32_t> ids;      // [B·S] token ids; empty for data with features
  std::vector<float> features;        // [B·S, F]; empty for token data
  std::vector<std::int32_t> targets;  // [B·S] the next tokens of sequences, or [B] labels
  std::vector<std::int32_t> domains;  // [B·S] of every position; empty if the data has none
};

// Rows first .. first + count - 1 of a batch.
Batch rows_of(const Batch& batch, index first, index count);

struct DatasetInfo {
  index length = 0;                  // S
  index vocabulary = 0;              // token ids are 0 .. vocabulary-1; 0 for data with features
  index features = 0;                // F; 0 for token data
  index classes = 0;                 // labels are 0 .. classes-1; 0 for sequences
  std::vector<std::string> domains;  // names; empty if the data has none
  index train_size = 0;              // tokens or examples for training; 0 if they have no end
  index validation_size = 0;         // positions or examples in one pass over the validation split
  index validation_rows = 0;         // the same in rows of a batch: sequences or examples
  // What the best possible causal predictor loses on the validation split, in nats per token, over
  // all positions and over those of each domain; -1 if unknown.
  double bayes_loss = -1;
  std::vector<double> bayes_loss_of_domain;
  // Nats per token that remain for a predictor that is told the domain; empty if unknown.
  std::vector<double> entropy_rate_of_domain;
  // Share of unknown tokens in each split, and share of the characters (without spaces) of both
  // that these stand for, which is larger: one may stand for a whole line. -1 if every text is
  // known.
  double unknown_train = -1, unknown_validation = -1, unknown_characters = -1;
  // Bytes of text for a token of the validation split; -1 if unknown.
  double bytes_per_token = -1;
  // What the files look like, if that is not what they are read as, and the way out; "" if they
  // look like it.
  std::string note;
  std::string sha256;  // of everything that determines the data
  // How often each token id occurs in the training split; in 2^20 tokens of one without end, in a
  // sample of one that is too large to be read (token_scan.hpp).
  std::vector<std::int64_t> unigram;
};

class Tokenizer;

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  // Batch number `step` of a split. Training: random places keyed by (seed, step). Validation: step
  // counts through fixed, non-overlapping pieces spread evenly over the split, the same for every
  // seed, router and step of training; the last batch of a pass may be smaller (Batch::batch says
  // so), and the next step begins the pass again.
  virtual Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const = 0;
  // Text of token ids and back, by tokenizer(); without one, the ids as numbers: "3 1 4". Throws
  // Exit::data for a text that has no ids.
  virtual std::string decode(const std::vector<std::int32_t>& ids) const;
  virtual std::vector<std::int32_t> encode(const std::string& text) const;
  // Of text; null where there is none.
  virtual const Tokenizer* tokenizer() const { return nullptr; }
};

}  // namespace moesim
