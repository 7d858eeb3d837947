// The data set "text": text files as one long row of tokens per domain. The validation split is
// separate files or the last part of each row. One file with tokens = chars and the default
// fraction gives the split of nanoGPT's shakespeare_char.
#include "sim/core/error.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/encoded.hpp"
#include "sim/data/root.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/data/unknown_text.hpp"
#include "sim/data/windows.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace moesim {
namespace {

// The texts of one domain.
struct TextDomain {
  CorpusText text;
  std::optional<CorpusText> validation;  // none: the last part of `text`
};

class Text final : public Dataset {
 public:
  // Frees each text once its tokens are stored.
  Text(std::unique_ptr<Tokenizer> tokenizer, std::vector<TextDomain> domains, index length,
       double validation_fraction, std::string sha256, std::string note)
      : tokenizer_(std::move(tokenizer)), windows_(length), unknown_(*tokenizer_) {
    info_.length = length;
    info_.vocabulary = tokenizer_->vocabulary();
    info_.unigram.resize(info_.vocabulary);
    info_.sha256 = std::move(sha256);
    info_.note = std::move(note);
    std::vector<std::int64_t> held_out(info_.unigram.size());
    double bytes = 0, tokens = 0;  // of the validation split
    for (TextDomain& each : domains) {
      const TextDomain domain = std::move(each);
      const Encoded& text = store(domain.text.text);
      const Encoded& last = domain.validation ? store(domain.validation->text) : text;
      const auto [train, validation] =
          domain.validation
              ? Halves{{&text.tokens, 0, text.tokens.size()}, {&last.tokens, 0, last.tokens.size()}}
              : cut_row(text.tokens, validation_fraction);
      require_window(domain.text.name, "training", train.count, length);
      require_window(domain.validation ? domain.validation->name : domain.text.name, "validation",
                     validation.count, length);
      count_ids(train, info_.unigram);
      count_ids(validation, held_out);
      unknown_.add(domain.text.name, train, validation,
                   text.characters + (domain.validation ? last.characters : 0));
      windows_.add(train, validation);
      bytes += last.bytes_from(validation.first);
      tokens += static_cast<double>(validation.count);
      info_.train_size += train.count;
      if (!domain.text.label.empty()) info_.domains.push_back(domain.text.label);
    }
    unknown_.write(info_);
    for (const auto* counts : {&info_.unigram, &held_out})
      if (is_one_token(*counts))
        fail(Exit::data,
             fmt::format("{}: expected a text to be predicted, found the same token everywhere in "
                         "the {} split: use another text, or other tokens",
                         domains.front().text.name,
                         counts == &held_out ? "validation" : "training"));
    info_.validation_rows = windows_.count();
    info_.validation_size = windows_.count() * length;
    info_.bytes_per_token = bytes / tokens;
  }

  const DatasetInfo& info() const override { return info_; }

  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    return windows_.batch(split, seed, step, batch_size, !info_.domains.empty());
  }

  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }

 private:
  const Encoded& store(const std::string& text) {
    return texts_.emplace_back(encoded(*tokenizer_, text));
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::deque<Encoded> texts_;  // windows_ refers to their tokens
  Windows windows_;
  UnknownText unknown_;
  DatasetInfo info_;
};

std::string hash_of(const CorpusText& text) {
  return fmt::format("{} {}", text.label, sha256_hex(text.text.data(), text.text.size()));
}

}  // namespace

std::unique_ptr<Dataset> make_text(Options& options) {
  // Declare every option before anything can fail: `moesim list options` relies on it.
  const std::string path = options.text(
      "path", "", "file, folder (its *.txt), pattern, or several label:pattern separated by ';'");
  const std::string held_out = options.text(
      "validation", "",
      "validation files, in the syntax of path; empty: the end of each domain is held out");
  const std::string kind =
      options.choice("tokens", "bytes", {"bytes", "chars", "sentencepiece", "raw"},
                     "kind of tokens; raw: the bytes of any file, text or not");
  const std::string root = data_root(options);
  const std::string model_path =
      under_root(root, options.text("model", "", "SentencePiece model file"));
  const index length = options.integer("length", 64, {1, 65536}, "positions per sequence");
  const double fraction = options.number(
      "validation_fraction", 0.1, {0.001, 0.9},
      "share of each domain, at its end, held out for validation if validation is empty");
  Reading reading;
  reading.field = options.text("field", "",
                               "JSON lines: the key whose text is read, such as text; a.b is b in "
                               "a. Empty: files are plain text");
  reading.domain_field = options.text(
      "domain_field", "", "JSON lines: the key whose value is the domain; empty: no domains");
  reading.content = kind == "raw" ? Content::any : kind == "bytes" ? Content::text : Content::utf_8;
  const auto at = [&options](const char* key) {
    return [&options, key] { return options.where(key); };
  };

  if (!reading.field.empty() && reading.content == Content::any)
    options.reject("field", "tokens = raw reads files as they are; use tokens = bytes");
  if (!reading.domain_field.empty() && reading.field.empty())
    options.reject("domain_field", "is of JSON lines; set data.field, the key of their text");
  const std::vector<CorpusPart> parts = corpus_parts(options, "path", path, root);
  if (!reading.domain_field.empty() && (parts.size() > 1 || !parts.front().label.empty()))
    options.reject("domain_field", "data.path names domains already; leave out its labels");
  std::vector<CorpusPart> held_out_parts;
  if (!held_out.empty()) held_out_parts = corpus_parts(options, "validation", held_out, root);
  std::string model;
  std::unique_ptr<Tokenizer> tokenizer = byte_tokenizer();
  if (kind == "sentencepiece") {
    if (model_path.empty()) options.reject("model", "tokens = sentencepiece needs a model file");
    within(at("model"), [&] {
      model = read_file(model_path, std::uint64_t{1} << 30);
      tokenizer = sentencepiece_tokenizer(model_path, model);
    });
  }
  Corpus corpus = within(at("path"), [&] { return read_corpus(parts, reading); });
  std::vector<TextDomain> domains;
  for (CorpusText& text : corpus.texts) domains.push_back({std::move(text), {}});
  if (!held_out.empty()) {
    reading.limit = corpus.left;
    Corpus other = within(at("validation"), [&] { return read_corpus(held_out_parts, reading); });
    std::vector<std::string> labels, others;
    for (const TextDomain& domain : domains) labels.push_back(domain.text.label);
    for (const CorpusText& text : other.texts) others.push_back(text.label);
    const std::vector<std::size_t> order =
        within(at("validation"), [&] { return same_labels(labels, others); });
    for (std::size_t i = 0; i < domains.size(); ++i)
      domains[i].validation = std::move(other.texts[order[i]]);
    if (corpus.note.empty()) corpus.note = other.note;
  }
  return within(at("path"), [&]() -> std::unique_ptr<Dataset> {
    if (kind == "chars") {
      std::vector<std::string_view> texts;
      for (const TextDomain& domain : domains) {
        texts.push_back(domain.text.text);
        if (domain.validation) texts.push_back(domain.validation->text);
      }
      tokenizer = character_tokenizer(texts);
    }
    std::string determined =
        fmt::format("tokens {} model {} length {} validation_fraction {}", kind,
                    sha256_hex(model.data(), model.size()), length, fraction);
    for (const TextDomain& domain : domains) {
      determined += " part " + hash_of(domain.text);
      if (domain.validation) determined += " validation " + hash_of(*domain.validation);
    }
    return std::make_unique<Text>(std::move(tokenizer), std::move(domains), length, fraction,
                                  sha256_hex(determined.data(), determined.size()),
                                  std::move(corpus.note));
  });
}

}  // namespace moesim
