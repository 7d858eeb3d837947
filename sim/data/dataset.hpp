// Dataset produces batches on the host, as a pure function of (split, seed, step).
//
// It is independent of the engine's number type and of devices; tasks turn batches into tensors. A
// data set is immutable after construction, so several threads may share one. datasets.hpp lists
// the implementations.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

enum class Split { train, validation };

// Batch is B sequences of S positions, row-major.
struct Batch {
  index batch = 0, length = 0;
  std::vector<std::int32_t> ids;      // [B·S] token ids; empty for data with features
  std::vector<float> features;        // [B·S, F]; empty for token data
  std::vector<std::int32_t> targets;  // [B·S] next tokens, or [B] labels
  std::vector<std::int32_t> domains;  // [B·S] domain of every position; empty without domains
};

// Rows first .. first + count - 1 of a batch.
Batch rows_of(const Batch& batch, index first, index count);

// DocumentInfo is what is known of the documents of a text (data.document); -1: unknown.
struct DocumentInfo {
  index documents = 0;     // of training, without the dropped ones; 0: the text was not split
  index dropped = 0;       // near-duplicates
  index chains = 0;        // walks along neighbours of data.order = similar; 0 in other orders
  double similarity = -1;  // mean cosine of documents that follow each other
  double random_similarity = -1;  // the same in a random order
  // Mean cosine of pairs of documents that share a training window, and the same in a random order.
  double window_similarity = -1, random_window_similarity = -1;
  double one_domain = -1;  // share of training windows within one domain
};

// DatasetInfo is what is known of a data set before training: sizes, names, entropies, hash.
struct DatasetInfo {
  index length = 0;                  // S
  index vocabulary = 0;              // token ids are 0 .. vocabulary-1; 0 for data with features
  index features = 0;                // F; 0 for token data
  index classes = 0;                 // labels are 0 .. classes-1; 0 for sequences
  bool pairs = false;                // targets are next tokens of chosen positions, for causal_lm
  std::vector<std::string> domains;  // names; empty without domains
  index train_size = 0;              // tokens or examples for training; 0: unlimited
  index validation_size = 0;         // positions or examples in one pass over the validation split
  index validation_rows = 0;         // the same in rows of a batch: sequences or examples
  // Loss of the best possible causal predictor on the validation split, in nats per token, over all
  // positions and over those of each domain; -1 if unknown.
  double bayes_loss = -1;
  std::vector<double> bayes_loss_of_domain;
  // Loss of the best predictor that also knows the domain, in nats per token; empty if unknown.
  std::vector<double> entropy_rate_of_domain;
  // Share of unknown tokens in each split, and the share of characters (without spaces, both
  // splits) that they replace, which is larger, as one unknown token may replace a whole line. -1
  // if the tokenizer knows every text.
  double unknown_train = -1, unknown_validation = -1, unknown_characters = -1;
  // Mean bytes of text per token of the validation split; -1 if unknown.
  double bytes_per_token = -1;
  DocumentInfo documents;
  // A note if the files look like something else than they are read as, with a remedy; else "".
  std::string note;
  std::string sha256;  // of everything that determines the data
  // Counts of each token id in the training split; in 2^20 tokens of an unlimited one, in a sample
  // of one that is too large to be read whole (token_scan.hpp).
  std::vector<std::int64_t> unigram;
};

class Tokenizer;

// Dataset is the interface of all data sets.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetInfo& info() const = 0;
  // Batch number `step` of a split. Training: random positions, a function of (seed, step).
  // Validation: fixed, non-overlapping pieces spread evenly over the split, the same for every
  // seed, router and training step; the last batch of a pass may be smaller (Batch::batch), and the
  // next step starts over.
  virtual Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const = 0;
  // Converts token ids to text and back with tokenizer(); without one, text is the ids as numbers:
  // "3 1 4". encode() throws Exit::data for a text that it cannot convert.
  virtual std::string decode(const std::vector<std::int32_t>& ids) const;
  virtual std::vector<std::int32_t> encode(const std::string& text) const;
  // The tokenizer of text data; null for other data.
  virtual const Tokenizer* tokenizer() const { return nullptr; }
};

}  // namespace moesim
