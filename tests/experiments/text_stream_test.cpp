// Tests the output of generated text: whole characters, no terminal controls.
#include "experiments/terminal/text_stream.hpp"

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <sstream>
#include <vector>

namespace moesim::testing {
namespace {

// As the JSON library replaces what is no UTF-8.
std::string replaced(const std::string& text) {
  const nlohmann::json json = text;
  const std::string dumped = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(dumped).get<std::string>();
}

std::string streamed(const std::string& text, const std::vector<std::size_t>& steps,
                     bool terminal = false) {
  std::ostringstream out;
  TextStream stream(out, terminal);
  for (const std::size_t step : steps) stream.show(text.substr(0, step), false);
  stream.show(text, true);
  return out.str();
}

TEST_CASE("text stream: in whatever steps, the whole text", "[experiments]") {
  std::mt19937 random(1);
  // Bytes at which well-formed sequences begin, go on and end, and those just outside.
  const std::string bytes =
      "a\n\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf3\xf4\xf5\xff";
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += bytes[random() % bytes.size()];
    std::vector<std::size_t> steps;
    for (std::size_t at = 0; at < text.size(); at += random() % 3) {
      steps.push_back(at);
      if (steps.size() > 40) break;
    }
    CAPTURE(text);
    REQUIRE(valid_utf8(text) == replaced(text));
    REQUIRE(streamed(text, steps) == valid_utf8(text));
  }
}

TEST_CASE("text stream: a character is not shown before it is whole", "[experiments]") {
  std::ostringstream out;
  TextStream stream(out, false);
  stream.show("a\xe2\x82", false);
  CHECK(out.str() == "a");
  stream.show("a\xe2\x82\xac", false);
  CHECK(out.str() == "a\xe2\x82\xac");
}

TEST_CASE("text stream: nothing steers a terminal", "[experiments]") {
  CHECK(streamed("\x1b[2J\r\xc2\x9b\x7f\tx\n", {}, true) == "\\x1b[2J\\x0d\\xc2\\x9b\\x7f\tx\n");
  CHECK(streamed("\x9b", {}, true) == "\xef\xbf\xbd");
  CHECK(streamed("\x1b[2J", {}, false) == "\x1b[2J");  // another reader gets what is there
}

}  // namespace
}  // namespace moesim::testing
