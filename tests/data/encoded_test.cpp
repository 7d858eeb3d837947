// Tests tokenising a text in pieces, and the bytes that tokens stand for.
#include "sim/data/encoded.hpp"

#include "tests/data/support.hpp"

#include <vector>

namespace moesim::testing {

TEST_CASE("encoded: the tokens of a text in pieces are those of the whole", "[data][text]") {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "Zeile " + std::to_string(i) + ": äöü €\n\n";
  text += "without an end";
  const auto tokenizer = character_tokenizer({text});
  std::vector<std::int32_t> whole, pieces;
  tokenizer->encode(text, [&](std::int32_t id) { whole.push_back(id); });
  const Encoded found = encoded(*tokenizer, text);
  found.tokens.append_to(pieces, 0, found.tokens.size());
  CHECK(pieces == whole);
  CHECK(found.characters == character_count(text));
  CHECK(found.marks.size() > 10);
  CHECK(found.marks.back().bytes == static_cast<index>(text.size()));
}

TEST_CASE("encoded: how many bytes the last tokens of a text stand for", "[data][text]") {
  const std::string bytes = repeated("0123456789\n", 200);
  const Encoded one = encoded(*byte_tokenizer(), bytes);
  for (index first = 0; first <= 2200; ++first)
    REQUIRE_THAT(one.bytes_from(first), WithinAbs(static_cast<double>(2200 - first), 1e-9));
  // Lines of three characters and four bytes: exact where a line begins, shared out inside.
  const std::string lines = repeated("aé\n", 1000);
  const Encoded three = encoded(*character_tokenizer({lines}), lines);
  CHECK(three.bytes_from(0) == 4000);
  CHECK(three.bytes_from(3000) == 0);
  for (index line = 0; line < 1000; ++line)
    REQUIRE_THAT(three.bytes_from(3 * line), WithinAbs(static_cast<double>(4000 - 4 * line), 1e-9));
  CHECK_THAT(three.bytes_from(1), WithinAbs(4000 - 4.0 / 3, 1e-9));
  // A part of other characters: the mark between them tells them apart.
  const std::string mixed = repeated("abc\n", 128) + repeated("äöü\n", 100);
  const Encoded both = encoded(*character_tokenizer({mixed}), mixed);
  CHECK(both.bytes_from(512) == 700);
}

TEST_CASE("text: bytes for a token of the validation split", "[data][text]") {
  const TempFolder folder;
  // 400 characters of one byte, then 400 of two.
  const std::string path = folder.write("t", repeated("abcdefg\n", 50) + repeated("äöüäöü€\n", 50));
  const auto bytes_per_token = [&](const std::string& tokens, const std::string& fraction) {
    return make_data({{"name", "text"},
                      {"path", path},
                      {"length", "4"},
                      {"tokens", tokens},
                      {"validation_fraction", fraction}})
        ->info()
        .bytes_per_token;
  };
  CHECK(bytes_per_token("bytes", "0.25") == 1);
  CHECK(bytes_per_token("raw", "0.25") == 1);
  // Lines of 8 characters and 6 · 2 + 3 + 1 = 16 bytes; all of validation are such.
  CHECK_THAT(bytes_per_token("chars", "0.25"), WithinAbs(2, 1e-9));
  // 800 characters and 1200 bytes, half of it the other lines, which one mark in 512 bytes blurs.
  CHECK_THAT(bytes_per_token("chars", "0.9"), WithinAbs((320 + 800) / 720.0, 0.02));
}

}  // namespace moesim::testing
