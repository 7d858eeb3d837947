// Tests the split of texts into documents: every byte is in one of them, whatever the rule.
#include "sim/data/documents.hpp"

#include "tests/data/support.hpp"

#include <vector>

namespace moesim::testing {
namespace {

std::vector<std::string> texts_of(const std::string& text, const std::string& rule) {
  std::vector<std::string> texts;
  for (const Document& each : split_documents(text, document_rule(rule), 0))
    texts.emplace_back(each.text);
  return texts;
}

std::string joined_again(const std::string& text, const std::string& rule) {
  std::string all;
  for (const Document& each : split_documents(text, document_rule(rule), 0))
    append_document(all, each, document_rule(rule));
  return all;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("documents: blank lines, separator lines, lines and bytes", "[data][documents]") {
  const std::string a = "The first of several,\nin two lines.\n", b = "The second, in one line.\n",
                    c = "And a third one, the last.\n";
  CHECK(texts_of(a + "\n" + b + " \t\r\n\n\n" + c, "blank") == Texts{a, b, c});
  CHECK(texts_of(a + "%\n" + b + "%\r\n" + c + "%\n", "%") == Texts{a, b, c});
  CHECK(texts_of(a + "== 1 ==\n" + b + "== 22 ==\n" + c, "== * ==") == Texts{a, b, c});
  CHECK(texts_of(a + b + c, "lines:2") == Texts{a, b + c});
  CHECK(texts_of(a + b + c, "lines:3") == Texts{a + b, c});
  CHECK(texts_of(std::string(50, 'x'), "bytes:20") ==
        Texts{std::string(20, 'x'), std::string(30, 'x')});
  // A document ends behind a character: byte 20 is inside the tenth.
  CHECK(texts_of("x" + repeated("ä", 20), "bytes:20") ==
        Texts{"x" + repeated("ä", 10), repeated("ä", 10)});
  CHECK(texts_of("", "blank").empty());
  CHECK(texts_of("\n \n", "blank") == Texts{"\n \n"});
}

TEST_CASE("documents: a short one joins the next, the last one the one before",
          "[data][documents]") {
  const std::string full(20, 'x'), shorter(19, 'y');
  CHECK(texts_of(full + "\n%\n" + shorter.substr(1) + "\n%\nno\n%\n" + full, "%") ==
        Texts{full + "\n", shorter.substr(1) + "\n%\nno\n", full});
  CHECK(texts_of(full + "\n%\nend\n%\n", "%") == Texts{full + "\n%\nend\n%\n"});
  CHECK(texts_of("one\n%\n", "%") == Texts{"one\n%\n"});
}

TEST_CASE("documents: in order they are the text; a missing end is added", "[data][documents]") {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += i % 7 == 3    ? std::string("\n")
            : i % 11 == 5 ? std::string("%\n")
                          : repeated("aé b ", i % 9) + "\xff\n";
  for (const char* rule : {"blank", "%", "lines:3", "bytes:33"}) {
    CAPTURE(rule);
    CHECK(texts_of(text, rule).size() > 10);
    CHECK(joined_again(text, rule).starts_with(text));
  }
  const std::string long_line(30, 'z');
  CHECK(joined_again(long_line + "\n%\n" + long_line, "%") ==
        long_line + "\n%\n" + long_line + "\n%\n");
  CHECK(joined_again(long_line + "\n\n" + long_line, "blank") ==
        long_line + "\n\n" + long_line + "\n\n");
  CHECK(joined_again(long_line, "bytes:20") == long_line);
}

TEST_CASE("documents: a new file begins a new one", "[data][documents]") {
  const std::string a = "The first of several, here.\n", b = "The second, in one line.\n",
                    c = "And a third one, the last.\n";
  const auto split = [](const Texts& files, const char* rule) {
    std::string text;
    std::vector<std::size_t> begins;
    for (const std::string& file : files) {
      if (!text.empty()) begins.push_back(text.size());
      text += file;
    }
    Texts found;
    for (const Document& each : split_documents(text, document_rule(rule), 0, begins)) {
      found.emplace_back(each.text);
      found.emplace_back(each.separator);
    }
    return found;
  };
  // The end of each file lacks a separator and has the first one of the text.
  CHECK(split({a, b + "%\n" + c}, "%") == Texts{a, "%\n", b, "%\n", c, "%\n"});
  CHECK(split({a + "\n \n" + b, c}, "blank") == Texts{a, "\n \n", b, "\n \n", c, "\n \n"});
  CHECK(split({a, b + c + a}, "lines:2") == Texts{a, "", b + c, "", a, ""});
  CHECK(split({std::string(30, 'x'), std::string(45, 'y')}, "bytes:20") ==
        Texts{std::string(30, 'x'), "", std::string(20, 'y'), "", std::string(25, 'y'), ""});
  // A short document joins those of its own file only.
  CHECK(split({a + "%\nend\n", "start\n%\n" + b}, "%") ==
        Texts{a + "%\nend\n", "%\n", "start\n%\n" + b, "%\n"});
  CHECK(split({"one\n", "two\n", c}, "blank") == Texts{"one\n", "", "two\n", "", c, ""});
}

TEST_CASE("documents: rules that are none", "[data][documents]") {
  for (const char* rule : {"lines:", "lines:0", "bytes:19", "bytes:x", "lines:-2"}) {
    CAPTURE(rule);
    CHECK(failure_of([&] { document_rule(rule); }).code == Exit::usage);
  }
  CHECK(failure_of([] { document_rule("bytes:5"); }).message ==
        "a whole number from 20 to 1073741824 is needed after bytes:");
}

}  // namespace moesim::testing
