// The data set "text": text files as one long row of tokens per domain. The validation split is
// separate files or the last part of each row. One file with tokens = chars and the default
// fraction gives the split of nanoGPT's shakespeare_char.
#include "sim/core/error.hpp"
#include "sim/data/corpus.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/document_order.hpp"
#include "sim/data/encoded.hpp"
#include "sim/data/name_lists.hpp"
#include "sim/data/root.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/data/unknown_text.hpp"
#include "sim/data/windows.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>

namespace moesim {
namespace {

class Text final : public Dataset {
 public:
  // Frees each text once its tokens are stored.
  Text(std::unique_ptr<Tokenizer> tokenizer, std::vector<TextPart> parts, DatasetInfo info,
       double validation_fraction)
      : tokenizer_(std::move(tokenizer)),
        windows_(info.length),
        unknown_(*tokenizer_),
        info_(std::move(info)) {
    info_.vocabulary = tokenizer_->vocabulary();
    info_.unigram.resize(info_.vocabulary);
    std::vector<std::int64_t> held_out(info_.unigram.size());
    const std::string name = parts.front().train.name;
    double bytes = 0, tokens = 0;  // of the validation split
    for (TextPart& each : parts) {
      TextPart part = std::move(each);
      const Encoded& text = store(part.train);
      const Encoded& last = part.validation ? store(*part.validation) : text;
      auto [train, validation] = part.validation ? Halves{{&text.tokens, 0, text.tokens.size()},
                                                          {&last.tokens, 0, last.tokens.size()}}
                                                 : cut_row(text.tokens, validation_fraction);
      if (part.trained)
        require_window(part.train.name, "training", train.count, info_.length);
      else
        train.count = 0;
      require_window(part.validation ? part.validation->name : part.train.name, "validation",
                     validation.count, info_.length);
      count_ids(train, info_.unigram);
      count_ids(validation, held_out);
      unknown_.add(part.train.name, train, validation,
                   text.characters + (part.validation ? last.characters : 0));
      const std::vector<DomainRun> runs = part.validation ? part.validation->runs : part.train.runs;
      windows_.add(train, std::move(part.train.runs), validation, runs);
      bytes += last.bytes_from(validation.first);
      tokens += static_cast<double>(validation.count);
      info_.train_size += train.count;
    }
    if (info_.documents.documents > 0 && !info_.domains.empty())
      info_.documents.one_domain = windows_.share_of_one_domain();
    unknown_.write(info_);
    for (const auto* counts : {&info_.unigram, &held_out})
      if (is_one_token(*counts))
        fail(Exit::data,
             fmt::format("{}: expected a text to be predicted, found the same token everywhere in "
                         "the {} split: use another text, or other tokens",
                         name, counts == &held_out ? "validation" : "training"));
    info_.validation_rows = windows_.count();
    info_.validation_size = windows_.count() * info_.length;
    info_.bytes_per_token = bytes / tokens;
  }

  const DatasetInfo& info() const override { return info_; }

  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    return windows_.batch(split, seed, step, batch_size, !info_.domains.empty());
  }

  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }

 private:
  // Stores the tokens of a row; its runs then begin at tokens in place of bytes.
  const Encoded& store(RowText& row) {
    const std::string text = std::move(row.text);
    Encoded& stored = texts_.emplace_back(Encoded{TokenStore(tokenizer_->vocabulary()), 0, {}});
    for (std::size_t i = 0; i < row.runs.size(); ++i) {
      const auto begin = static_cast<std::size_t>(row.runs[i].first);
      const std::size_t end =
          i + 1 == row.runs.size() ? text.size() : static_cast<std::size_t>(row.runs[i + 1].first);
      row.runs[i].first = stored.tokens.size();
      append_encoded(stored, *tokenizer_, std::string_view(text).substr(begin, end - begin));
    }
    return stored;
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::deque<Encoded> texts_;  // windows_ refers to their tokens
  Windows windows_;
  UnknownText unknown_;
  DatasetInfo info_;
};

// The number of tokens of a text. A tokenizer of characters is made of the arranged text.
std::function<index(std::string_view)> tokens_by(const std::string& kind,
                                                 const Tokenizer& tokenizer) {
  if (kind == "chars")
    return [](std::string_view text) {
      return std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // begins a code point
      });
    };
  return [&tokenizer](std::string_view text) {
    index tokens = 0;
    tokenizer.encode(text, [&](std::int32_t) { ++tokens; });
    return tokens;
  };
}

std::string hash_of(const std::string& text) { return sha256_hex(text.data(), text.size()); }

// Identifies the contents of domains and their validation.
std::string identity_of(const std::vector<CorpusText>& texts,
                        const std::vector<CorpusText>& held_out) {
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    all += fmt::format(" part {} {}", texts[i].label, hash_of(texts[i].text));
    if (!held_out.empty())
      all += fmt::format(" validation {} {}", held_out[i].label, hash_of(held_out[i].text));
  }
  return all;
}

// Identifies a row of documents: its text, and where its domains begin.
std::string identity_of(const RowText& row) {
  std::string runs;
  for (const DomainRun& run : row.runs) runs += fmt::format("{} {} ", run.first, run.domain);
  return fmt::format(" row {} {}", hash_of(runs), hash_of(row.text));
}

// Each domain is a part of its own. trained: by domain.
std::vector<TextPart> parts_of(std::vector<CorpusText> texts, std::vector<CorpusText> held_out,
                               const std::vector<bool>& trained) {
  std::vector<TextPart> parts;
  const auto row_of = [](CorpusText& text, std::size_t domain) {
    return RowText{
        std::move(text.name), std::move(text.text), {{0, static_cast<std::int32_t>(domain)}}};
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    parts.push_back({row_of(texts[i], i), {}, trained[i]});
    if (!held_out.empty()) parts.back().validation = row_of(held_out[i], i);
  }
  return parts;
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
  const std::vector<std::string> untrained = words_of(options.text(
      "held_out", "", "domains without training data, which are evaluated: out of distribution"));
  options.keep_silent("held_out");
  const DocumentOptions documents = read_document_options(options);
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
  std::vector<CorpusText> validation;
  if (!held_out.empty()) {
    reading.limit = corpus.left;
    Corpus other = within(at("validation"), [&] { return read_corpus(held_out_parts, reading); });
    std::vector<std::string> labels, others;
    for (const CorpusText& text : corpus.texts) labels.push_back(text.label);
    for (const CorpusText& text : other.texts) others.push_back(text.label);
    const std::vector<std::size_t> order =
        within(at("validation"), [&] { return same_labels(labels, others); });
    for (const std::size_t place : order) validation.push_back(std::move(other.texts[place]));
    if (corpus.note.empty()) corpus.note = other.note;
  }
  DatasetInfo info;
  info.length = length;
  info.note = std::move(corpus.note);
  for (const CorpusText& text : corpus.texts)
    if (!text.label.empty()) info.domains.push_back(text.label);
  if (!untrained.empty() && info.domains.empty())
    options.reject("held_out", "there are no domains; write label:pattern in data.path");
  require_names(options, "held_out", "domain", untrained, info.domains);
  if (!untrained.empty()) require_some_left(options, "held_out", "domain", untrained, info.domains);
  std::vector<bool> trained;
  for (const CorpusText& text : corpus.texts)
    trained.push_back(std::find(untrained.begin(), untrained.end(), text.label) == untrained.end());
  if (!untrained.empty() && info.note.empty())
    info.note = fmt::format(
        "the validation loss is a mean over domains of which {} {} held out; losses by domain are "
        "apart (domain_loss)",
        joined(untrained), untrained.size() == 1 ? "is" : "are");
  if (documents.rule && documents.embedding == Embedding::domain && info.domains.empty())
    options.reject("embedding", "there are no domains; write label:pattern in data.path");
  std::string determined = fmt::format("tokens {} model {} length {} validation_fraction {}", kind,
                                       hash_of(model), length, fraction);
  for (std::size_t i = 0; i < trained.size(); ++i)
    if (!trained[i]) determined += " held_out " + corpus.texts[i].label;
  std::vector<TextPart> rows;
  if (documents.rule) {
    rows.push_back(within(at("document"), [&] {
      return arranged(corpus.texts, validation, documents, fraction,
                      {length, tokens_by(kind, *tokenizer)}, info.documents, trained);
    }));
    corpus.texts.clear(), validation.clear();
    determined += " domains " + joined(info.domains) + identity_of(rows.front().train) +
                  identity_of(*rows.front().validation);
  } else {
    determined += identity_of(corpus.texts, validation);
    rows = parts_of(std::move(corpus.texts), std::move(validation), trained);
  }
  info.sha256 = hash_of(determined);
  return within(at("path"), [&]() -> std::unique_ptr<Dataset> {
    if (kind == "chars") {
      std::vector<std::string_view> texts;
      for (const TextPart& part : rows) {
        texts.push_back(part.train.text);
        if (part.validation) texts.push_back(part.validation->text);
      }
      tokenizer = character_tokenizer(texts);
    }
    return std::make_unique<Text>(std::move(tokenizer), std::move(rows), std::move(info), fraction);
  });
}

}  // namespace moesim
