// The data set "tokens": token ids that nanoGPT, NumPy or Megatron-LM wrote (token_files.hpp). Each
// domain is one long row of ids; batches are windows of it, as for text.
#include "sim/core/error.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/root.hpp"
#include "sim/data/token_files.hpp"
#include "sim/data/token_scan.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/data/windows.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace moesim {
namespace {

struct TokenDomain {
  std::string label, name;  // `name` is for messages
  std::unique_ptr<TokenFiles> tokens;
  std::unique_ptr<TokenFiles> validation;  // null: the last part of `tokens`
};

// The options about ids.
struct Ids {
  index vocabulary;  // 0: one more than the largest id
  bool whole;        // scan all ids, not a sample
};

// Notes a likely wrong type or byte order: most ids of a tokenizer occur in its data, but misread
// numbers hit few of many ids.
std::string unused_note(const std::vector<std::int64_t>& train,
                        const std::vector<std::int64_t>& validation, const std::string& name) {
  constexpr std::size_t kLeastVocabulary = 1000, kFew = 50;
  std::size_t used = 0;
  for (std::size_t id = 0; id < train.size(); ++id) used += train[id] + validation[id] > 0;
  if (train.size() < kLeastVocabulary || kFew * used >= train.size()) return "";
  return fmt::format(
      "{}: {} of {} token ids occur: data.dtype or the order of the bytes may be another", name,
      used, train.size());
}

class TokenData final : public Dataset {
 public:
  TokenData(std::vector<TokenDomain> domains, const Ids& ids, std::unique_ptr<Tokenizer> tokenizer,
            index length, double validation_fraction, double bytes_per_token)
      : domains_(std::move(domains)), tokenizer_(std::move(tokenizer)), windows_(length) {
    info_.length = length;
    info_.bytes_per_token = bytes_per_token > 0 ? bytes_per_token : -1;
    std::vector<Halves> parts;
    std::uint64_t bytes = 0;
    for (const TokenDomain& domain : domains_) {
      const TokenFiles& tokens = *domain.tokens;
      const TokenFiles* const apart = domain.validation.get();
      parts.push_back(apart != nullptr
                          ? Halves{{&tokens, 0, tokens.size()}, {apart, 0, apart->size()}}
                          : cut_row(tokens, validation_fraction));
      const auto& [train, validation] = parts.back();
      require_window(domain.name, "training", train.count, length);
      require_window(domain.name, "validation", validation.count, length);
      windows_.add(train, validation);
      bytes += tokens.bytes() + (apart != nullptr ? apart->bytes() : 0);
      info_.train_size += train.count;
      if (!domain.label.empty()) info_.domains.push_back(domain.label);
    }
    info_.validation_rows = windows_.count();
    info_.validation_size = windows_.count() * length;
    scan(parts, ids, bytes);
  }

  const DatasetInfo& info() const override { return info_; }

  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    return windows_.batch(split, seed, step, batch_size, !info_.domains.empty());
  }

  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }

 private:
  void limit_ids(index vocabulary, const std::string& reason) {
    for (TokenDomain& domain : domains_)
      for (TokenFiles* const files : {domain.tokens.get(), domain.validation.get()})
        if (files != nullptr) files->limit_ids(vocabulary, reason);
  }

  void scan(const std::vector<Halves>& parts, const Ids& ids, std::uint64_t bytes) {
    const bool whole = ids.whole || bytes <= kReadWhole;
    if (!whole && ids.vocabulary == 0)
      fail(Exit::usage,
           fmt::format("{}: {} bytes of ids are too many to look for the largest: set "
                       "data.vocabulary (50257 for GPT-2), or data.scan = all to read them all",
                       domains_.front().name, bytes));
    if (ids.vocabulary > 0) limit_ids(ids.vocabulary, "data.vocabulary");
    const index stretches = 2 * static_cast<index>(parts.size());
    const index blocks = whole ? 0 : std::clamp<index>(2 * kBlocks / stretches, 4, kBlocks);
    std::string determined = fmt::format("token ids length {}", info_.length);
    if (!whole) determined += fmt::format(" blocks {} of {}", blocks, kBlock);
    std::vector<std::int64_t> counts[2];  // of training, of validation
    index read = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      determined += " part " + domains_[i].label;
      for (const int split : {0, 1}) {
        const Stretch& tokens = split == 0 ? parts[i].train : parts[i].validation;
        const TokenScan found = scan_tokens(tokens, blocks);
        determined += fmt::format(" {} {}", tokens.count, found.sha256);
        add(found.counts, counts[split]);
        read += found.read;
      }
    }
    info_.vocabulary = ids.vocabulary;
    const bool is_found = info_.vocabulary == 0;
    if (is_found) {
      info_.vocabulary = static_cast<index>(std::max(counts[0].size(), counts[1].size()));
      limit_ids(info_.vocabulary, "the largest when it was read");
    }
    for (const int split : {0, 1}) {
      counts[split].resize(static_cast<std::size_t>(info_.vocabulary));
      if (is_one_token(counts[split]) && whole)
        fail(Exit::data,
             fmt::format("{}: expected tokens to be predicted, found the same one everywhere in "
                         "the {} split",
                         domains_.front().name, split == 0 ? "training" : "validation"));
    }
    if (!whole)
      info_.note = fmt::format(
          "{}: {:.1f} GB of ids are not read before training: data_sha256 and the frequencies that "
          "hash routing uses are of a sample of {} tokens (data.scan = all reads all)",
          domains_.front().name, static_cast<double>(bytes) / 1e9, read);
    if (whole && is_found && info_.note.empty())
      info_.note = unused_note(counts[0], counts[1], domains_.front().name);
    info_.unigram = std::move(counts[0]);
    determined += fmt::format(" vocabulary {}", info_.vocabulary);
    info_.sha256 = sha256_hex(determined.data(), determined.size());
  }

  static void add(const std::vector<std::int64_t>& counts, std::vector<std::int64_t>& to) {
    if (to.size() < counts.size()) to.resize(counts.size());
    for (std::size_t id = 0; id < counts.size(); ++id) to[id] += counts[id];
  }

  std::vector<TokenDomain> domains_;  // windows_ refers to their tokens
  std::unique_ptr<Tokenizer> tokenizer_;
  Windows windows_;
  DatasetInfo info_;
};

std::vector<std::string> type_names() {
  std::vector<std::string> names = {"auto"};
  for (const IdType& type : kIdTypes) names.push_back(type.name);
  return names;
}

}  // namespace

std::unique_ptr<Dataset> make_tokens(Options& options) {
  const std::string root = data_root(options);
  std::string path =
      options.text("path", "",
                   "token ids as .bin, .npy or Megatron's .bin with .idx: file, pattern, folder "
                   "(train.bin and val.bin, else its *.bin and *.npy), or several label:pattern "
                   "separated by ';'");
  std::string held_out = options.text(
      "validation", "",
      "validation files, in the syntax of path; empty: the end of each domain is held out");
  const double fraction = options.number(
      "validation_fraction", 0.1, {0.001, 0.9},
      "share of each domain, at its end, held out for validation if validation is empty");
  const std::string dtype = options.choice(
      "dtype", "auto", type_names(),
      "type of the little-endian numbers in a .bin without .idx; auto: uint16, unless the file "
      "looks like another type");
  Ids ids{};
  ids.vocabulary =
      options.integer("vocabulary", 0, {0, kMostIds},
                      "vocabulary size; 0: that of data.model, else the largest id plus 1");
  ids.whole =
      options.choice("scan", "auto", {"auto", "all"},
                     "ids read before training for the hash and the frequencies; auto: all up to "
                     "256 MiB, beyond that a sample") == "all";
  const std::string model_path = under_root(
      root, options.text("model", "",
                         "SentencePiece model of the ids, with which moesim sample prints text; "
                         "empty: it prints ids"));
  const double bytes_per_token =
      options.number("bytes_per_token", 0, {0, 1e6},
                     "mean bytes of text per token of the validation split, for bits per byte; 0: "
                     "unknown");
  const index length = options.integer("length", 64, {1, 65536}, "positions per sequence");
  const auto at = [&options](const char* key) {
    return [&options, key] { return options.where(key); };
  };

  if (held_out.empty() && holds_both_splits(under_root(root, path))) {
    held_out = path + "/val.bin";
    path += "/train.bin";
  }
  const std::vector<CorpusPart> parts = corpus_parts(options, "path", path, root);
  std::vector<CorpusPart> others;
  if (!held_out.empty()) others = corpus_parts(options, "validation", held_out, root);
  std::unique_ptr<Tokenizer> tokenizer;
  if (!model_path.empty())
    tokenizer = within(at("model"), [&] {
      return sentencepiece_tokenizer(model_path, read_file(model_path, std::uint64_t{1} << 30));
    });
  if (tokenizer) {
    if (ids.vocabulary != 0 && ids.vocabulary != tokenizer->vocabulary())
      options.reject("vocabulary",
                     fmt::format("the model of data.model has {}", tokenizer->vocabulary()));
    ids.vocabulary = tokenizer->vocabulary();
  }

  std::vector<TokenDomain> domains;
  within(at("path"), [&] {
    for (const CorpusPart& part : parts)
      domains.push_back(
          {part.label, part.pattern, std::make_unique<TokenFiles>(part, dtype), nullptr});
  });
  if (!others.empty())
    within(at("validation"), [&] {
      std::vector<std::string> labels, other_labels;
      for (const CorpusPart& part : parts) labels.push_back(part.label);
      for (const CorpusPart& part : others) other_labels.push_back(part.label);
      const std::vector<std::size_t> order = same_labels(labels, other_labels);
      for (std::size_t i = 0; i < domains.size(); ++i)
        domains[i].validation = std::make_unique<TokenFiles>(others[order[i]], dtype);
    });
  return within(at("path"), [&]() -> std::unique_ptr<Dataset> {
    return std::make_unique<TokenData>(std::move(domains), ids, std::move(tokenizer), length,
                                       fraction, bytes_per_token);
  });
}

}  // namespace moesim
