// Tests JSON lines as documents with domains.
#include "sim/data/json_lines.hpp"

#include "tests/data/support.hpp"

#include <vector>

namespace moesim::testing {
namespace {

using Documents = std::vector<std::pair<std::string, std::string>>;

Documents documents(const std::string& contents, const std::string& field = "text",
                    const std::string& domain_field = "") {
  Documents all;
  each_document(
      "a.jsonl", contents, field, domain_field,
      [&](const std::string& text, const std::string& domain) { all.emplace_back(text, domain); });
  return all;
}

std::string refusal(const std::string& contents, const std::string& field = "text",
                    const std::string& domain_field = "") {
  const Failure failure = failure_of([&] { documents(contents, field, domain_field); });
  CHECK(failure.code == Exit::data);
  CHECK(failure.message.find('\n') == std::string::npos);
  return failure.message;
}

std::string lines(int count, const std::string& domain) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += R"({"meta": {"set": ")" + domain + R"("}, "text": "line )" + std::to_string(i) +
            R"( of it"})" + "\n";
  return text;
}

}  // namespace

TEST_CASE("json lines: the text under a key, at any depth but in arrays", "[data][json_lines]") {
  CHECK(documents(
            "{\"text\": \"a\\nb \\u00e4\\ud83d\\ude00\"}\n\n  \r\n{\"id\":1,\"text\":\"c\"}\r\n") ==
        Documents{{"a\nb ä😀", ""}, {"c", ""}});
  const std::string nested =
      R"({"text": "outer", "a": {"text": "inner", "b": {"c": "deep"}}, "l": [{"text": "no"}]})";
  CHECK(documents(nested)[0].first == "outer");
  CHECK(documents(nested, "a.text")[0].first == "inner");
  CHECK(documents(nested, "a.b.c")[0].first == "deep");
  CHECK_THAT(refusal(nested, "l.text"), contains("found none"));
  CHECK_THAT(refusal(nested, "b.c"), contains("found none"));
  CHECK(documents(R"({"text": "first", "text": "last"})")[0].first == "last");
  CHECK(documents(R"({"x": {"y": [1, {"z": {}}], "w": "v"}, "text": "behind"})")[0].first ==
        "behind");
}

TEST_CASE("json lines: domains are names", "[data][json_lines]") {
  const auto domain = [](const std::string& value) {
    return documents(R"({"text": "t", "meta": {"set": )" + value + "}}", "text", "meta.set")[0]
        .second;
  };
  CHECK(domain("\"Pile-CC\"") == "Pile-CC");
  CHECK(domain("\"Wikipedia (en)\"") == "Wikipedia_en");
  CHECK(domain("7") == "7");
  CHECK(domain("true") == "true");
  CHECK(domain("\"" + std::string(100, 'x') + "\"") == std::string(64, 'x'));
  CHECK_THAT(refusal("{\"text\": \"t\", \"d\": \"()\"}", "text", "d"),
             contains("a.jsonl:1: expected the name of a domain under 'd'"));
  CHECK_THAT(refusal("{\"text\": \"t\", \"d\": null}", "text", "d"),
             contains("(data.domain_field)"));
  CHECK_THAT(
      refusal("{\"text\": \"t\", \"d\": \"a b\"}\n{\"text\": \"t\", \"d\": \"a_b\"}", "text", "d"),
      contains("a.jsonl:2: two domains are called a_b: 'a b' and 'a_b'"));
  std::string many;
  for (std::size_t i = 0; i <= kMostDomains; ++i)
    many += R"({"text": "t", "d": )" + std::to_string(i) + "}\n";
  CHECK_THAT(refusal(many, "text", "d"), contains("a.jsonl:257: expected at most 256 domains"));
}

TEST_CASE("json lines: what is none names file and line", "[data][json_lines]") {
  const std::string good = "{\"text\": \"x\"}\n";
  for (const char* bad :
       {"{\"text\": \"x\"", "{\"text\": \"x\"} {}", "{'text': 'x'}", "{\"text\": \"\xff\"}",
        "{\"text\": \"\\ud800\"}", "{\"text\": NaN}", "nonsense", "[\"x\"]", "\"x\"", "3"})
    CHECK_THAT(refusal(good + good + bad),
               contains("a.jsonl:3: expected a JSON object on each line, found "));
  CHECK_THAT(refusal("[{\"text\": \"x\"}]"), contains("jq -c '.[]'"));
  CHECK_THAT(refusal(good + "{\"title\": \"x\", \"body\": 1, \"text\": 3}"),
             contains("a.jsonl:2: expected a text under 'text' (data.field), found none; keys are "
                      "title, body, text"));
  CHECK_THAT(refusal("{}"), contains("found none"));
  // Depth and breadth take no memory to speak of, and no stack.
  CHECK(refusal(std::string(1 << 20, '[')) != "");
  CHECK(refusal("{\"text\": " + repeated("{\"a\":", 100000)) != "");
  CHECK(documents("{\"a\": [" + repeated("[],", 100000) + "0], \"text\": \"x\"}")[0].first == "x");
}

TEST_CASE("text: JSON lines as documents, and their domains", "[data][text][json_lines]") {
  const TempFolder folder;
  std::map<std::string, std::string> values = {
      {"name", "text"}, {"length", "8"}, {"field", "text"}};
  values["path"] = folder.write("a.jsonl", lines(100, "A b"));
  const auto data = make_data(values);
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + " of it\n";
  const auto plain =
      make_data({{"name", "text"}, {"length", "8"}, {"path", folder.write("a.txt", text)}});
  CHECK(data->info().sha256 == plain->info().sha256);
  CHECK(same(data->batch(Split::train, 1, 2, 3), plain->batch(Split::train, 1, 2, 3)));
  CHECK(data->info().domains.empty());
  // The same key in two files of a folder, which means its *.jsonl then.
  std::filesystem::create_directory(folder.path("f"));
  folder.write("f/1.jsonl", lines(100, "B"));
  folder.write("f/2.ndjson", lines(100, "A b") + lines(50, "B"));
  folder.write("f/3.txt", "no JSON");
  values["path"] = folder.path("f");
  values["domain_field"] = "meta.set";
  const auto domains = make_data(values);
  CHECK(domains->info().domains == std::vector<std::string>{"A_b", "B"});
  CHECK(domains->info().train_size + 1 > plain->info().train_size * 2);
  // Refused: labels and domains of lines, a key of domains alone, and lines without a key.
  values["path"] = "x:" + folder.path("a.jsonl");
  CHECK_THAT(failure_of(values).message, contains("data.path names domains already"));
  values.erase("field");
  CHECK_THAT(failure_of(values).message, contains("set data.field"));
  CHECK_THAT(failure_of({{"name", "text"}, {"path", folder.path("a.jsonl")}}).message,
             contains("JSON lines: name the key of their text, such as data.field = text"));
}

}  // namespace moesim::testing
