// Text files as one long row of tokens for each domain. The last part of each row is validation,
// the rest training: one file with tokens = chars and the default fraction is the split of
// nanoGPT's shakespeare_char.
#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/file.hpp"
#include "sim/data/order.hpp"
#include "sim/data/root.hpp"
#include "sim/data/sha256.hpp"
#include "sim/data/token_store.hpp"
#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

struct Part {
  TokenStore tokens;
  index train;         // tokens of the training split; the rest is validation
  index first_start;   // of its training windows, in the count over all parts
  index first_window;  // of its validation windows, likewise
};

class Text final : public Dataset {
 public:
  // `texts` are the contents of the parts; each is given up once its tokens are stored.
  Text(std::unique_ptr<Tokenizer> tokenizer, const std::vector<CorpusPart>& sources,
       std::vector<std::string> texts, index length, double validation_fraction, std::string sha256,
       std::string note)
      : tokenizer_(std::move(tokenizer)) {
    info_.length = length;
    info_.vocabulary = tokenizer_->vocabulary();
    info_.unigram.resize(info_.vocabulary);
    held_out_.resize(info_.vocabulary);
    info_.sha256 = std::move(sha256);
    info_.note = std::move(note);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const std::string text = std::move(texts[i]);
      add(sources[i], text, validation_fraction);
    }
    check_tokens(sources);
    info_.validation_rows = windows_;
    info_.validation_size = windows_ * length;
  }

  const DatasetInfo& info() const override { return info_; }

  // Training: every window that fits into a part is equally likely, so parts are drawn by their
  // size.
  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    const bool train = split == Split::train;
    const Rows rows = train ? Rows{0, batch_size} : rows_of_step(step, batch_size, windows_);
    Batch result{rows.count, info_.length, {}, {}, {}, {}};
    const Stream stream{seed, Purpose::data, static_cast<std::uint32_t>(step)};
    for (index row = rows.first; row < rows.first + rows.count; ++row) {
      if (train) {
        const auto start = static_cast<index>(random_below(stream, row, starts_));
        const Part& part = part_of(start, &Part::first_start);
        append(result, part, start - part.first_start);
      } else {
        const index window = spread(row, windows_);
        const Part& part = part_of(window, &Part::first_window);
        append(result, part, part.train + (window - part.first_window) * info_.length);
      }
    }
    return result;
  }

  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }

  std::string decode(const std::vector<std::int32_t>& ids) const override {
    return tokenizer_->decode(ids);
  }

  std::vector<std::int32_t> encode(const std::string& text) const override {
    std::vector<std::int32_t> ids;
    tokenizer_->encode(text, [&](std::int32_t id) { ids.push_back(id); });
    return ids;
  }

 private:
  void add(const CorpusPart& source, const std::string& text, double validation_fraction) {
    Part part{TokenStore(info_.vocabulary), 0, starts_, windows_};
    tokenizer_->encode(text, [&](std::int32_t id) { part.tokens.push_back(id); });
    const index total = part.tokens.size();
    part.train =
        static_cast<index>(std::floor(static_cast<double>(total) * (1 - validation_fraction)));
    check_length(source, "training", part.train);
    check_length(source, "validation", total - part.train);
    for (index i = 0; i < part.train; ++i) ++info_.unigram[part.tokens[i]];
    for (index i = part.train; i < total; ++i) ++held_out_[part.tokens[i]];
    check_known(source, part, text);
    // A window of S positions takes S + 1 tokens: the last target lies behind it.
    starts_ += part.train - info_.length;
    windows_ += (total - part.train - 1) / info_.length;
    info_.train_size += part.train;
    if (!source.label.empty()) info_.domains.push_back(source.label);
    parts_.push_back(std::move(part));
  }

  void check_length(const CorpusPart& source, const char* split, index tokens) const {
    if (tokens > info_.length) return;
    fail(Exit::data,
         fmt::format("{}: expected at least {} tokens in the {} split (data.length + 1), found {}",
                     source.pattern, info_.length + 1, split, tokens));
  }

  // A text of which the model knows half or less is not what it was made for: losses would tell
  // how often the unknown token comes, not how well the text is predicted.
  void check_known(const CorpusPart& source, const Part& part, const std::string& text) {
    const std::int32_t unknown = tokenizer_->unknown();
    if (unknown < 0) return;
    index count[2] = {0, 0}, known = 0;
    for (index i = 0; i < part.tokens.size(); ++i) {
      if (part.tokens[i] == unknown)
        ++count[i < part.train ? 0 : 1];
      else
        known += tokenizer_->characters(part.tokens[i]);
    }
    // Normalisation may make a text longer, and byte fallback has tokens that are no characters.
    const index characters = character_count(text);
    const index foreign = count[0] + count[1] == 0 ? 0 : std::max<index>(0, characters - known);
    characters_ += characters;
    foreign_ += foreign;
    const auto check = [&source](index some, index whole, const std::string& what) {
      if (some == 0 || 2 * some < whole) return;
      fail(Exit::data,
           fmt::format("{}: expected text that the model of data.model knows, found that {:.0f} % "
                       "of {} are unknown to it: use a model made for this text, one with byte "
                       "fallback, or tokens = bytes",
                       source.pattern,
                       100.0 * static_cast<double>(some) / static_cast<double>(whole), what));
    };
    check(foreign, characters, "its characters");
    check(count[0], part.train, "its training tokens");
    check(count[1], part.tokens.size() - part.train, "its validation tokens");
  }

  // Of all parts together: shares of unknown tokens, and that there is something to predict.
  void check_tokens(const std::vector<CorpusPart>& sources) {
    if (const std::int32_t unknown = tokenizer_->unknown(); unknown >= 0) {
      const auto share = [](auto part, auto whole) {
        return static_cast<double>(part) / static_cast<double>(std::max<decltype(whole)>(whole, 1));
      };
      const auto share_in = [&](const std::vector<std::int64_t>& counts) {
        return share(counts[static_cast<std::size_t>(unknown)],
                     std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
      };
      info_.unknown_train = share_in(info_.unigram);
      info_.unknown_validation = share_in(held_out_);
      info_.unknown_characters = share(foreign_, characters_);
    }
    for (const auto* counts : {&info_.unigram, &held_out_})
      if (std::count(counts->begin(), counts->end(), 0) == info_.vocabulary - 1)
        fail(
            Exit::data,
            fmt::format("{}: expected a text to be predicted, found the same token everywhere in "
                        "the {} split: use another text, or other tokens",
                        sources.front().pattern, counts == &held_out_ ? "validation" : "training"));
    held_out_ = {};
  }

  // The part that holds element `at` of a count over all parts.
  const Part& part_of(index at, index Part::*first) const {
    const auto after =
        std::upper_bound(parts_.begin(), parts_.end(), at,
                         [first](index value, const Part& part) { return value < part.*first; });
    return *(after - 1);
  }

  void append(Batch& batch, const Part& part, index start) const {
    for (index i = start; i < start + info_.length; ++i) {
      batch.ids.push_back(part.tokens[i]);
      batch.targets.push_back(part.tokens[i + 1]);
    }
    if (!info_.domains.empty())
      batch.domains.insert(batch.domains.end(), info_.length,
                           static_cast<std::int32_t>(&part - parts_.data()));
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<Part> parts_;
  std::vector<std::int64_t> held_out_;  // as info_.unigram, of the validation split; for the checks
  index characters_ = 0, foreign_ = 0;  // of all texts, and those of them that are unknown
  index starts_ = 0, windows_ = 0;      // training and validation windows of all parts
  DatasetInfo info_;
};

}  // namespace

std::unique_ptr<Dataset> make_text(Options& options) {
  // Every option is declared before anything can fail, so that all of them can be listed.
  const std::string path = options.text(
      "path", "", "file, folder (its *.txt), pattern, or several label:pattern separated by ';'");
  const std::string kind =
      options.choice("tokens", "bytes", {"bytes", "chars", "sentencepiece", "raw"},
                     "what a token is; raw: a byte of any file, be it text or not");
  const std::string root = data_root(options);
  const std::string model_path =
      under_root(root, options.text("model", "", "SentencePiece model file"));
  const index length = options.integer("length", 64, {1, 65536}, "positions of a sequence");
  const double fraction =
      options.number("validation_fraction", 0.1, {0.001, 0.9},
                     "share of each domain, at its end, that is kept for validation");
  const auto at = [&options](const char* key) {
    return [&options, key] { return options.where(key); };
  };

  const std::vector<CorpusPart> parts = corpus_parts(options, path, root);
  std::string model;
  std::unique_ptr<Tokenizer> tokenizer = byte_tokenizer();
  if (kind == "sentencepiece") {
    if (model_path.empty()) options.reject("model", "tokens = sentencepiece needs a model file");
    within(at("model"), [&] {
      model = read_file(model_path, std::uint64_t{1} << 30);
      tokenizer = sentencepiece_tokenizer(model_path, model);
    });
  }
  return within(at("path"), [&]() -> std::unique_ptr<Dataset> {
    Corpus corpus = read_corpus(parts, kind == "raw"     ? Content::any
                                       : kind == "bytes" ? Content::text
                                                         : Content::utf_8);
    std::vector<std::string>& texts = corpus.texts;
    if (kind == "chars") tokenizer = character_tokenizer({texts.begin(), texts.end()});
    std::string determined =
        fmt::format("tokens {} model {} length {} validation_fraction {}", kind,
                    sha256_hex(model.data(), model.size()), length, fraction);
    for (std::size_t i = 0; i < parts.size(); ++i)
      determined +=
          fmt::format(" part {} {}", parts[i].label, sha256_hex(texts[i].data(), texts[i].size()));
    return std::make_unique<Text>(std::move(tokenizer), parts, std::move(texts), length, fraction,
                                  sha256_hex(determined.data(), determined.size()),
                                  std::move(corpus.note));
  });
}

}  // namespace moesim
