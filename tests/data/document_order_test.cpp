// Tests how documents are arranged: a planted corpus whose path is known, duplicates, limits.
#include "sim/data/document_order.hpp"

#include "tests/data/planted_corpus.hpp"
#include "tests/data/support.hpp"

#include <set>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

DocumentOptions options_of(DocumentOrder order) {
  DocumentOptions options;
  options.rule = document_rule("%");
  options.order = order;
  return options;
}

// Windows of 64 bytes.
const WindowSize kBytes{64, [](std::string_view text) { return static_cast<index>(text.size()); }};

struct Arranged {
  Texts train, validation;
  DocumentInfo info;
};

Arranged arrange(const Texts& documents, const DocumentOptions& options) {
  Arranged result;
  const TextPart part = arranged({{"", "corpus", text_of(documents)}},
                                 {{"", "held out", text_of({"held out, the only document\n"})}},
                                 options, 0.1, kBytes, result.info);
  for (const Document& each : split_documents(part.train.text, *options.rule, 0))
    result.train.emplace_back(each.text);
  for (const Document& each : split_documents(part.validation->text, *options.rule, 0))
    result.validation.emplace_back(each.text);
  return result;
}

std::multiset<std::string> set_of(const Texts& texts) { return {texts.begin(), texts.end()}; }

}  // namespace

TEST_CASE("document order: the path of a planted corpus", "[data][documents][long]") {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    const Planted corpus = planted_corpus(seed);
    const Arranged found = arrange(corpus.documents, options_of(DocumentOrder::similar));
    CHECK(found.info.documents == kTopics * kEach);
    CHECK(found.info.dropped == 0);
    CHECK(found.info.chains == kTopics);
    CHECK(found.info.similarity > 0.3);
    CHECK(found.info.random_similarity < 0.05);
    CHECK(found.info.window_similarity > 0.2);
    CHECK(found.info.random_window_similarity < 0.05);
    CHECK(set_of(found.train) == set_of(corpus.documents));
    // Every step inside a topic is one place forth or back on the ring.
    int jumps = 0, wrong = 0;
    for (std::size_t i = 1; i < found.train.size(); ++i) {
      const auto [topic, place] = corpus.place.at(found.train[i - 1]);
      const auto [other, next] = corpus.place.at(found.train[i]);
      const int step = (next - place + kEach) % kEach;
      jumps += topic != other;
      wrong += topic == other && step != 1 && step != kEach - 1;
    }
    CHECK(jumps == kTopics - 1);
    CHECK(wrong == 0);
  }
}

TEST_CASE("document order: by domain, that with the fewest documents first", "[data][documents]") {
  DocumentOptions options = options_of(DocumentOrder::similar);
  options.embedding = Embedding::domain, options.duplicates = 0;
  const Texts many = {"one, the first of three\n", "one, the second of three\n",
                      "one, the third of three\n"},
              few = {"two, the first of two\n", "two, the second of two\n"};
  const CorpusText held_out{"", "held out", text_of({"held out, the only document\n"})};
  DocumentInfo info;
  const TextPart part = arranged({{"", "one", text_of(many)}, {"", "two", text_of(few)}},
                                 {held_out, held_out}, options, 0.1, kBytes, info);
  CHECK(part.train.text == text_of(few) + text_of(many));
  CHECK(info.chains == 2);
}

TEST_CASE("document order: the last document is validation, however long", "[data][documents]") {
  const std::string first = "A short document.....\n", last = std::string(500, 'x') + "\n";
  DocumentInfo info;
  const TextPart part = arranged({{"", "corpus", text_of({first, last})}}, {},
                                 options_of(DocumentOrder::file), 0.1, kBytes, info);
  CHECK(part.train.text == text_of({first}));
  CHECK(part.validation->text == text_of({last}));
}

TEST_CASE("document order: file and random", "[data][documents]") {
  const Planted corpus = planted_corpus(4);
  const Arranged file = arrange(corpus.documents, options_of(DocumentOrder::file));
  CHECK(file.train == corpus.documents);
  CHECK(file.info.chains == 0);
  const Arranged random = arrange(corpus.documents, options_of(DocumentOrder::random));
  CHECK(random.train != corpus.documents);
  CHECK(set_of(random.train) == set_of(corpus.documents));
  CHECK(random.info.similarity == random.info.random_similarity);
  CHECK(random.info.similarity == file.info.random_similarity);
}

TEST_CASE("document order: chains of limited length", "[data][documents]") {
  DocumentOptions options = options_of(DocumentOrder::similar);
  options.chain = 10;
  const Arranged found = arrange(planted_corpus(1).documents, options);
  CHECK(found.info.chains >= kTopics * kEach / 10);
  CHECK(found.train.size() == kTopics * kEach);
}

TEST_CASE("document order: near-duplicates are dropped, the first stays", "[data][documents]") {
  const std::string cat = "A cat that sat on a mat.\n", dog = "Some dog barks at the moon.\n";
  for (const DocumentOrder order : {DocumentOrder::file, DocumentOrder::similar}) {
    DocumentOptions options = options_of(order);
    const Arranged found = arrange({cat, dog, cat, "A CAT that sat  on a mat.\n"}, options);
    CHECK(set_of(found.train) == set_of({cat, dog}));
    CHECK(found.info.dropped == 2);
    options.duplicates = 0;
    CHECK(arrange({cat, dog, cat}, options).train.size() == 3);
  }
  // In file order, none of validation is.
  DocumentOptions options = options_of(DocumentOrder::file);
  DocumentInfo info;
  const TextPart part = arranged({{"", "corpus", text_of({cat, dog, cat, dog, dog, dog})}}, {},
                                 options, 0.4, kBytes, info);
  CHECK(part.train.text == text_of({cat, dog}));
  CHECK(part.validation->text == text_of({dog, dog}));
}

TEST_CASE("document order: none, one, all identical, all disjoint", "[data][documents]") {
  for (const DocumentOrder order :
       {DocumentOrder::file, DocumentOrder::random, DocumentOrder::similar}) {
    DocumentOptions options = options_of(order);
    CHECK(arrange({}, options).train.empty());
    const Arranged one = arrange({"A document all alone.\n"}, options);
    CHECK(one.train.size() == 1);
    CHECK(one.info.similarity == -1);
    const Texts identical(60, "The same document again.\n");
    CHECK(arrange(identical, options).train.size() == 1);
    options.duplicates = 0;
    CHECK(arrange(identical, options).train == identical);
    Texts disjoint;
    for (int i = 0; i < 26; ++i)
      disjoint.push_back(std::string(25, static_cast<char>('a' + i)) + "\n");
    CHECK(set_of(arrange(disjoint, options).train) == set_of(disjoint));
  }
}

TEST_CASE("document order: broken bytes stay as they are", "[data][documents]") {
  Texts broken;
  for (int i = 0; i < 60; ++i)
    broken.push_back("r\xe9sum\xe9 \xff\xfe number " + std::to_string(i * i) + " \xc3\n");
  DocumentOptions options = options_of(DocumentOrder::similar);
  options.duplicates = 0;
  CHECK(set_of(arrange(broken, options).train) == set_of(broken));
}

}  // namespace moesim::testing
