// Tests data sets of documents: splits, domains, errors.
#include "tests/data/planted_corpus.hpp"
#include "tests/data/support.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace moesim::testing {

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

TEST_CASE("document order: documents end where files end", "[data][documents]") {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    const std::string text = "Paragraph " + std::to_string(i) + " is one of eight, in a file.\n";
    folder.write(std::to_string(i) + ".txt", text);
    lines += R"({"text": "Paragraph )" + std::to_string(i) +
             R"( is one of eight, in a file."})"
             "\n";
  }
  folder.write("0.jsonl", lines);
  folder.write("1.jsonl", lines);
  const auto documents = [&](const std::string& pattern, const std::string& field) {
    return make_data({{"name", "text"},
                      {"path", folder.path(pattern)},
                      {"document", "blank"},
                      {"length", "8"},
                      {"duplicates", "0"},
                      {"field", field},
                      {"validation_fraction", "0.5"}})
        ->info()
        .documents.documents;
  };
  CHECK(documents("*.txt", "") == 4);  // and four of validation
  CHECK(documents("*.jsonl", "text") == 1);
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
