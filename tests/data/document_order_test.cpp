// Tests how documents are arranged: a planted corpus whose path is known, duplicates, splits,
// domains, limits.
#include "sim/data/document_order.hpp"

#include "tests/data/support.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

constexpr int kTopics = 8, kEach = 40;

// Document i of a topic has the words i .. i+5 of a ring of 40 words: its nearest neighbours are
// i-1 and i+1. Topics have letters of their own.
std::string planted(int topic, int i) {
  std::mt19937 random(static_cast<std::uint32_t>(topic));
  Texts words;
  for (int w = 0; w < kEach; ++w) {
    words.emplace_back();
    for (int c = 0; c < 8; ++c)
      words.back() +=
          "abcdefghijklmnopqrstuvwxyz012345"[4 * topic + static_cast<int>(random() % 4)];
  }
  std::string text;
  for (int w = i; w < i + 6; ++w) text += words[static_cast<std::size_t>(w % kEach)] + " ";
  return text + "\n";
}

struct Planted {
  Texts documents;
  std::map<std::string, std::pair<int, int>> place;  // topic, number
};

Planted planted_corpus(std::uint32_t seed) {
  Planted corpus;
  for (int topic = 0; topic < kTopics; ++topic)
    for (int i = 0; i < kEach; ++i) {
      corpus.documents.push_back(planted(topic, i));
      corpus.place[corpus.documents.back()] = {topic, i};
    }
  std::shuffle(corpus.documents.begin(), corpus.documents.end(), std::mt19937(seed));
  return corpus;
}

std::string text_of(const Texts& documents) {
  std::string text;
  for (const std::string& each : documents) text += each + "%\n";
  return text;
}

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

TEST_CASE("document order: the path of a planted corpus", "[data][documents]") {
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
    const Texts identical(300, "The same document again.\n");
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

TEST_CASE("document order: validation is the same in every order of training",
          "[data][documents]") {
  const TempFolder folder;
  const Planted corpus = planted_corpus(5);
  const std::string path = folder.write("corpus.txt", text_of(corpus.documents));
  std::set<std::string> hashes;
  const std::map<std::string, std::string> file = {
      {"name", "text"}, {"path", path}, {"document", "%"}, {"length", "32"}};
  const auto data_of = [&](const char* key, const std::string& value) {
    std::map<std::string, std::string> values = file;
    values[key] = value;
    auto data = make_data(values);
    check_is_function_of_seed_and_step(*data);
    hashes.insert(data->info().sha256);
    return data;
  };
  const auto first = data_of("order", "file"), random = data_of("order", "random"),
             similar = data_of("order", "similar");
  for (const auto* other : {&random, &similar}) {
    CHECK(same((*other)->batch(Split::validation, 0, 0, 8),
               first->batch(Split::validation, 0, 0, 8)));
    CHECK_FALSE(same((*other)->batch(Split::train, 0, 0, 8), first->batch(Split::train, 0, 0, 8)));
    CHECK((*other)->info().unigram == first->info().unigram);
  }
  const auto validation = data_of("validation_order", "similar");
  CHECK(same(validation->batch(Split::train, 0, 0, 8), first->batch(Split::train, 0, 0, 8)));
  CHECK_FALSE(same(validation->batch(Split::validation, 0, 0, 8),
                   first->batch(Split::validation, 0, 0, 8)));
  CHECK(hashes.size() == 4);
  CHECK(similar->info().documents.chains > 0);
  CHECK(similar->info().documents.one_domain == -1);
}

TEST_CASE("document order: positions have the domains of their documents", "[data][documents]") {
  const TempFolder folder;
  Texts a, b;
  for (int i = 0; i < 90; ++i) a.push_back("aaaa aaaaa " + std::to_string(1000 + i) + " aaaaaaa\n");
  for (int i = 0; i < 30; ++i) b.push_back("bbbbbb bbb " + std::to_string(2000 + i) + " bbbbbbb\n");
  std::map<std::string, std::string> values = {
      {"name", "text"},
      {"document", "%"},
      {"length", "16"},
      {"duplicates", "0"},
      {"order", "random"},
      {"validation_order", "random"},
      {"path", "one:" + folder.write("a", text_of(a)) + ";two:" + folder.write("b", text_of(b))}};
  const auto count_wrong = [&](const Dataset& data, Split split, std::set<std::int32_t>& seen) {
    int wrong = 0, mixed = 0;
    for (index step = 0; step < 20; ++step) {
      const Batch batch = data.batch(split, 0, step, 8);
      for (std::size_t i = 0; i < batch.ids.size(); ++i) {
        seen.insert(batch.domains.at(i));
        if (batch.ids[i] == 'a' || batch.ids[i] == 'b')
          wrong += batch.ids[i] - 'a' != batch.domains[i];
        if (i % 16 > 0) mixed += batch.domains[i] != batch.domains[i - 1];
      }
    }
    CHECK(mixed > 0);
    return wrong;
  };
  const auto random = make_data(values);
  CHECK(random->info().domains == Texts{"one", "two"});
  for (const Split split : {Split::train, Split::validation}) {
    std::set<std::int32_t> seen;
    CHECK(count_wrong(*random, split, seen) == 0);
    CHECK(seen == std::set<std::int32_t>{0, 1});
  }
  CHECK(random->info().documents.one_domain < 0.9);
  // In order of domains, only the windows across the single border are of two: 16 - 1 of those that
  // start at one of the tokens but the last 16.
  values["embedding"] = "domain", values["order"] = "similar";
  const auto domains = make_data(values);
  CHECK(domains->info().documents.chains == 2);
  const auto starts = static_cast<double>(domains->info().train_size - 16);
  CHECK_THAT(domains->info().documents.one_domain, WithinAbs(1 - 15 / starts, 1e-12));
  // The domain with fewer documents comes first, in file order.
  CHECK(domains->info().sha256 != random->info().sha256);
}

TEST_CASE("document order: errors say what to do", "[data][documents]") {
  const TempFolder folder;
  const std::string path = folder.write("one.txt", "A single document, without a separator.\n");
  const auto failure = [&](std::map<std::string, std::string> values) {
    values.insert({{"name", "text"}, {"path", path}, {"length", "8"}});
    return failure_of(values);
  };
  const Failure none = failure({{"order", "similar"}});
  CHECK(none.code == Exit::usage);
  CHECK(none.message ==
        "test: data.order = similar: needs documents; set data.document, such as data.document = "
        "blank");
  CHECK(failure({{"validation_order", "random"}}).code == Exit::usage);
  const Failure short_one = failure({{"document", "bytes:10"}});
  CHECK(short_one.code == Exit::usage);
  CHECK(short_one.message ==
        "test: data.document = bytes:10: a whole number from 20 to 1073741824 is needed after "
        "bytes:");
  const Failure single = failure({{"document", "%"}});
  CHECK(single.code == Exit::data);
  CHECK(single.message == "test: data.document = %: " + path +
                              ": expected at least 2 documents (data.document), one of them for "
                              "validation; found 1; choose another rule, such as lines:10, or "
                              "name data.validation");
  CHECK(failure({{"chain", "7"}, {"document", "%"}}).code == Exit::usage);
  CHECK(failure({{"duplicates", "0.5"}}).code == Exit::usage);
  std::string text;
  for (int i = 0; i < 20; ++i)
    text +=
        "document number " + std::string(static_cast<std::size_t>(i + 1), char('a' + i)) + "\n%\n";
  const std::string one = folder.write("a.txt", text), other = folder.write("b.txt", text);
  const Failure emptied = failure({{"path", "a:" + one + ";b:" + other}, {"document", "%"}});
  CHECK(emptied.code == Exit::data);
  CHECK(emptied.message.find("all documents of a domain are near-duplicates") != std::string::npos);
  const Failure domain = failure({{"document", "%"}, {"embedding", "domain"}});
  CHECK(domain.code == Exit::usage);
  CHECK(failure({{"order", "sorted"}}).code == Exit::usage);
  CHECK(failure({{"duplicates", "1.5"}}).code == Exit::usage);
  const std::string many = folder.write("many.txt", std::string(20 * 230000, 'x'));
  const Failure too_many = failure({{"path", many}, {"document", "bytes:20"}});
  CHECK(too_many.code == Exit::usage);
  CHECK(too_many.message.find("more than 200000 documents cannot be ordered") != std::string::npos);
}

}  // namespace moesim::testing
