#include "sim/data/document_order.hpp"

#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/data/chains.hpp"
#include "sim/data/order.hpp"
#include "sim/data/repeated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace moesim {
namespace {

using Documents = std::vector<Document>;

constexpr Named<DocumentOrder> kOrders[] = {{"file", DocumentOrder::file},
                                            {"random", DocumentOrder::random},
                                            {"similar", DocumentOrder::similar}};
constexpr Named<Embedding> kEmbeddings[] = {
    {"tfidf", Embedding::tfidf}, {"words", Embedding::words}, {"domain", Embedding::domain}};

std::vector<index> identity(std::size_t n) {
  std::vector<index> order(n);
  std::iota(order.begin(), order.end(), index{0});
  return order;
}

// The same permutation for every run.seed: it is a property of the data set.
std::vector<index> random_order(std::size_t n) {
  std::vector<index> order = identity(n);
  for (index& each : order) each = shuffled(each, static_cast<index>(n), 0, 0);
  return order;
}

// The path of documents that are similar if they are of one domain: with ties, the domain with the
// fewest documents first, and each in file order.
Chains chains_of_domains(const Documents& documents) {
  Chains chains{identity(documents.size()), {}};
  std::vector<index> size;
  for (const Document& each : documents) {
    size.resize(std::max(size.size(), static_cast<std::size_t>(each.domain) + 1));
    ++size[static_cast<std::size_t>(each.domain)];
  }
  const auto domain_of = [&](index i) { return documents[static_cast<std::size_t>(i)].domain; };
  std::stable_sort(chains.order.begin(), chains.order.end(), [&](index a, index b) {
    const std::int32_t x = domain_of(a), y = domain_of(b);
    const index n = size[static_cast<std::size_t>(x)], m = size[static_cast<std::size_t>(y)];
    return n != m ? n < m : x < y;
  });
  for (std::size_t i = 0; i < chains.order.size(); ++i)
    if (i == 0 || domain_of(chains.order[i]) != domain_of(chains.order[i - 1]))
      chains.begin.push_back(static_cast<index>(i));
  return chains;
}

Chains similar_order(const Documents& documents, const SparseVectors& vectors,
                     const DocumentOptions& options) {
  if (options.embedding == Embedding::domain) return chains_of_domains(documents);
  return chains_of(nearest(vectors, kNeighbours), options.chain);
}

SparseVectors vectors_of(const Documents& documents, Embedding embedding) {
  std::vector<std::string_view> texts;
  for (const Document& each : documents) texts.push_back(each.text);
  return embed(texts, embedding == Embedding::words ? Terms::words : Terms::all);
}

// Mean similarity of documents that follow each other; -1 of fewer than two.
double adjacent_similarity(const SparseVectors& vectors, const std::vector<index>& order) {
  if (order.size() < 2) return -1;
  double sum = 0;
  for (std::size_t i = 1; i < order.size(); ++i) sum += similarity(vectors, order[i - 1], order[i]);
  return sum / static_cast<double>(order.size() - 1);
}

// Drops near-duplicates, from the documents and their vectors. Returns how many.
index drop_repeated(Documents& documents, SparseVectors& vectors, double least) {
  const std::vector<bool> drop = repeated(vectors, least);
  std::vector<index> kept;
  Documents left;
  for (std::size_t i = 0; i < documents.size(); ++i)
    if (!drop[i]) kept.push_back(static_cast<index>(i)), left.push_back(documents[i]);
  const auto dropped = static_cast<index>(documents.size() - left.size());
  if (dropped > 0) vectors = selected(vectors, kept);
  documents = std::move(left);
  return dropped;
}

RowText row_of(const Documents& documents, const std::vector<index>& order, std::string name,
               const DocumentRule& rule) {
  RowText row;
  row.name = std::move(name);
  for (const index i : order) {
    const Document& document = documents[static_cast<std::size_t>(i)];
    if (row.runs.empty() || row.runs.back().domain != document.domain)
      row.runs.push_back({static_cast<index>(row.text.size()), document.domain});
    append_document(row.text, document, rule);
  }
  return row;
}

// The number of domains that have documents.
std::size_t domains_of(const Documents& documents) {
  std::set<std::int32_t> domains;
  for (const auto& each : documents) domains.insert(each.domain);
  return domains.size();
}

// Tokens of each document with its separator.
std::vector<index> sizes_of(const Documents& documents, const DocumentRule& rule,
                            const WindowSize& windows) {
  std::vector<index> sizes;
  std::string text;
  for (const Document& each : documents) {
    text.clear();
    append_document(text, each, rule);
    sizes.push_back(windows.tokens(text));
  }
  return sizes;
}

RowText training_row(Documents documents, const DocumentOptions& options, const WindowSize& windows,
                     const std::string& name, DocumentInfo& info) {
  SparseVectors vectors = vectors_of(documents, options.embedding);
  const std::size_t domains = domains_of(documents);
  if (options.duplicates > 0) info.dropped = drop_repeated(documents, vectors, options.duplicates);
  if (domains_of(documents) < domains)
    fail(Exit::data,
         fmt::format("{}: all documents of a domain are near-duplicates of earlier ones; "
                     "leave it out, or set data.duplicates higher, or 0 to keep all",
                     name));
  info.documents = static_cast<index>(documents.size());
  const std::vector<index> random = random_order(documents.size());
  info.random_similarity = adjacent_similarity(vectors, random);
  std::vector<index> order = identity(documents.size());
  if (options.order == DocumentOrder::random) order = random;
  if (options.order == DocumentOrder::similar) {
    Chains chains = similar_order(documents, vectors, options);
    order = std::move(chains.order);
    info.chains = static_cast<index>(chains.begin.size());
  }
  info.similarity = adjacent_similarity(vectors, order);
  const std::vector<index> sizes = sizes_of(documents, *options.rule, windows);
  info.window_similarity = window_similarity(vectors, order, sizes, windows.length);
  info.random_window_similarity = window_similarity(vectors, random, sizes, windows.length);
  return row_of(documents, order, name, *options.rule);
}

RowText validation_row(const Documents& documents, const DocumentOptions& options,
                       const std::string& name) {
  std::vector<index> order = identity(documents.size());
  if (options.validation_order == DocumentOrder::random) order = random_order(documents.size());
  if (options.validation_order == DocumentOrder::similar)
    order = similar_order(documents, vectors_of(documents, options.embedding), options).order;
  return row_of(documents, order, name, *options.rule);
}

// The first document of validation: both splits get one.
std::size_t first_held_out(const Documents& documents, const CorpusText& text, double fraction) {
  if (documents.size() < 2)
    fail(Exit::data, fmt::format("{}: expected at least 2 documents (data.document), one of them "
                                 "for validation; found {}; choose another rule, such as lines:10, "
                                 "or name data.validation",
                                 text.name, documents.size()));
  const auto cut =
      static_cast<std::ptrdiff_t>(static_cast<double>(text.text.size()) * (1 - fraction));
  const auto found =
      std::find_if(documents.begin() + 1, documents.end() - 1,
                   [&](const auto& each) { return each.text.data() - text.text.data() >= cut; });
  return static_cast<std::size_t>(found - documents.begin());
}

void append(Documents& all, Documents::const_iterator first, Documents::const_iterator last) {
  all.insert(all.end(), first, last);
  if (all.size() > static_cast<std::size_t>(kMostDocuments))
    fail(Exit::usage, fmt::format("more than {} documents cannot be ordered; make them longer, "
                                  "such as data.document = bytes:4000, or use fewer files",
                                  kMostDocuments));
}

}  // namespace

DocumentOptions read_document_options(Options& options) {
  DocumentOptions read;
  read.order = options.choice("order", read.order, kOrders,
                              "order of the documents of training: as in the files, at random, or "
                              "along a path through their nearest neighbours");
  const std::string document = options.text(
      "document", "",
      "what ends a document: blank (lines), lines:N, bytes:N, or a line that matches this pattern, "
      "such as %; empty: texts are not split into documents");
  read.embedding = options.choice(
      "embedding", read.embedding, kEmbeddings,
      "what makes documents similar: n-grams of characters and words, words, or the same domain");
  read.duplicates = options.number(
      "duplicates", read.duplicates, {0, 1},
      "training documents with this cosine or more to an earlier one are dropped; 0: none is");
  read.chain = options.integer("chain", 0, {0, kMostDocuments},
                               "order = similar: the path jumps after so many documents; 0: only "
                               "where no neighbour is left");
  read.validation_order = options.choice("validation_order", read.validation_order, kOrders,
                                         "order of the documents of validation");
  for (const char* key :
       {"order", "document", "embedding", "duplicates", "chain", "validation_order"})
    options.keep_silent(key);
  const DocumentOptions usual;
  const bool similar =
      read.order == DocumentOrder::similar || read.validation_order == DocumentOrder::similar;
  if (read.chain != usual.chain && (!similar || read.embedding == Embedding::domain))
    options.reject("chain", "is of data.order = similar with another embedding than domain");
  if (document.empty()) {
    for (const auto& [key, asked] :
         {std::pair{"duplicates", read.duplicates != usual.duplicates},
          {"order", read.order != usual.order},
          {"validation_order", read.validation_order != usual.validation_order}})
      if (asked)
        options.reject(key, "needs documents; set data.document, such as data.document = blank");
    return read;
  }
  try {
    read.rule = document_rule(document);
  } catch (const Error& error) {
    options.reject("document", error.what());
  }
  return read;
}

TextPart arranged(const std::vector<CorpusText>& texts, const std::vector<CorpusText>& held_out,
                  const DocumentOptions& options, double validation_fraction,
                  const WindowSize& windows, DocumentInfo& info, const std::vector<bool>& trained) {
  Documents train, validation;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto domain = static_cast<std::int32_t>(i);
    const Documents all = split_documents(texts[i].text, *options.rule, domain, texts[i].files);
    std::size_t cut = all.size();
    if (held_out.empty()) {
      cut = first_held_out(all, texts[i], validation_fraction);
      append(validation, all.begin() + static_cast<std::ptrdiff_t>(cut), all.end());
    } else {
      const Documents others =
          split_documents(held_out[i].text, *options.rule, domain, held_out[i].files);
      append(validation, others.begin(), others.end());
    }
    if (trained.empty() || trained[i])
      append(train, all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut));
  }
  const std::string& name = texts.front().name;
  return {training_row(std::move(train), options, windows, name, info),
          validation_row(validation, options, held_out.empty() ? name : held_out.front().name)};
}

}  // namespace moesim
