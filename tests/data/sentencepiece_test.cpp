// Tests SentencePiece models that are written here byte by byte (sentencepiece_model.proto): pieces
// with scores, and the options of normalisation.
#include "sim/data/stored.hpp"
#include "sim/data/tokenizer.hpp"
#include "tests/data/binary.hpp"
#include "tests/data/support.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

namespace moesim::testing {
namespace {

const std::string kMark = "\xe2\x96\x81";

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string number_field(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}

std::string bytes_field(int field, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string piece(const std::string& text, float score, int type = 1) {
  std::string bits(4, '\0');
  std::memcpy(bits.data(), &score, 4);
  return bytes_field(1, bytes_field(1, text) + varint(2 << 3 | 5) + bits + number_field(3, type));
}

// A unigram model of the letters a to e, "ä", a few words and the mark of a space.
std::string model(bool dummy_prefix = true, bool remove_spaces = true) {
  std::string bytes = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
  bytes += piece(kMark, -3) + piece(kMark + "ab", -2) + piece("cd", -2) + piece(kMark + "eä", -2);
  for (const char* letter : {"a", "b", "c", "d", "e", "ä"}) bytes += piece(letter, -4);
  return bytes + bytes_field(3, bytes_field(1, "identity") + number_field(3, dummy_prefix ? 1 : 0) +
                                    number_field(4, remove_spaces ? 1 : 0) + number_field(5, 1));
}

bool no_library(const std::string& test) {
  const Failure failure = failure_of([] { sentencepiece_tokenizer("m", model()); });
  if (failure.code != Exit::usage) return false;
  WARN("skipped: built without SentencePiece: " << test);
  return true;
}

std::vector<std::int32_t> ids_of(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::int32_t> ids;
  tokenizer.encode(text, [&](std::int32_t id) { ids.push_back(id); });
  return ids;
}

// Words of letters that the model knows, separated by single spaces.
std::string words(int count) {
  const char* const letters[] = {"a", "b", "c", "d", "e", "ä", "ab", "cd"};
  std::string text;
  std::uint64_t state = 1;
  for (int i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    for (int part = 0; part < 1 + i % 4; ++part) {
      state = state * 48271 % 2147483647;
      text += letters[state % 8];
    }
  }
  return text;
}

}  // namespace

TEST_CASE("sentencepiece: a long line has the ids of the whole, cut at its spaces",
          "[data][text]") {
  if (no_library("cuts")) return;
  const std::string line = words(2000);
  for (const bool dummy_prefix : {true, false})
    for (const bool remove_spaces : {true, false}) {
      if (!dummy_prefix && remove_spaces) continue;  // a piece cannot begin with a space there
      const std::string bytes = model(dummy_prefix, remove_spaces);
      const auto whole = ids_of(*sentencepiece_tokenizer("m", bytes, line.size()), line);
      REQUIRE(whole.size() > 2000);
      for (const std::size_t longest : {line.size() - 1, std::size_t{1000}, std::size_t{20}})
        CHECK(ids_of(*sentencepiece_tokenizer("m", bytes, longest), line) == whole);
    }
}

TEST_CASE("sentencepiece: without a space a line is cut at a whole character", "[data][text]") {
  if (no_library("cuts without spaces")) return;
  const std::string line = repeated("ä", 100);
  const auto tokenizer = sentencepiece_tokenizer("m", model(), 9);  // four characters and a half
  const auto ids = ids_of(*tokenizer, line);
  // Each of the 25 pieces begins as a line does, with the mark of a space.
  REQUIRE(ids.size() == 125);
  CHECK(std::count(ids.begin(), ids.end(), 3) == 25);
  CHECK(std::count(ids.begin(), ids.end(), tokenizer->unknown()) == 0);
  // Bytes that are no UTF-8 do not hinder it.
  CHECK(!ids_of(*tokenizer, std::string(100, '\x80')).empty());
}

TEST_CASE("sentencepiece: line ends of both kinds are no tokens", "[data][text]") {
  if (no_library("line ends")) return;
  const auto tokenizer = sentencepiece_tokenizer("m", model());
  CHECK(ids_of(*tokenizer, "ab cd\r\nab\r\n") == ids_of(*tokenizer, "ab cd\nab\n"));
}

TEST_CASE("text: the share of unknown tokens is known, and half is too much", "[data][text]") {
  if (no_library("unknown tokens")) return;
  const TempFolder folder;
  std::map<std::string, std::string> values = {{"name", "text"},
                                               {"tokens", "sentencepiece"},
                                               {"model", folder.write("m.model", model())},
                                               {"path", folder.path("t")},
                                               {"length", "4"}};
  // "▁ab" and "cd" a line.
  folder.write("t", repeated("abcd\n", 200));
  CHECK(make_data(values)->info().unknown_train == 0);
  CHECK(make_data(values)->info().unknown_validation == 0);
  CHECK(make_data(values)->info().unknown_characters == 0);
  // The nineteenth line of every twenty is "▁", <unk>: 40 tokens, 1 unknown; and 76 characters that
  // the model knows beside 4 that it does not.
  folder.write("t", repeated(repeated("abcd\n", 18) + "wxyz\nabcd\n", 10));
  const auto data = make_data(values);
  CHECK_THAT(data->info().unknown_train, WithinAbs(1.0 / 40, 1e-12));
  CHECK_THAT(data->info().unknown_validation, WithinAbs(1.0 / 40, 1e-12));
  CHECK_THAT(data->info().unknown_characters, WithinAbs(4.0 / 80, 1e-12));

  const auto refused = [&](const std::string& text) {
    folder.write("t", text);
    const Failure failure = failure_of(values);
    CHECK(failure.code == Exit::data);
    CHECK_THAT(failure.message, contains("one with byte fallback, or tokens = bytes"));
    return failure.message;
  };
  // "▁", <unk> in every line: half of the tokens, all of the text.
  CHECK_THAT(refused(repeated("wxyz\n", 200)), contains("100 % of its characters"));
  CHECK_THAT(refused(repeated("abcd\nuvwxyz\n", 200)), contains("60 % of its characters"));
  CHECK_THAT(refused(repeated("abcd abcd abcd\n", 200) + repeated("w ", 160)),
             contains("% of its validation tokens"));
  values["path"] = folder.write("latin1", repeated("abcd\xe4\n", 200));
  CHECK_THAT(failure_of(values).message, contains("expected UTF-8"));
  values["tokens"] = "bytes";
  CHECK(make_data(values)->info().unknown_train == -1);
}

TEST_CASE("tokens: data.model gives ids their text and the vocabulary", "[data][tokens]") {
  if (no_library("data.model of token ids")) return;
  const TempFolder folder;
  const std::string text = words(400), model_file = folder.write("m.model", model());
  const std::vector<std::int32_t> ids = ids_of(*sentencepiece_tokenizer("m", model()), text);
  std::map<std::string, std::string> values = {
      {"name", "tokens"},
      {"path", folder.write("a.bin", little({ids.begin(), ids.end()}, 2))},
      {"length", "8"},
      {"model", model_file},
      {"bytes_per_token", "1.5"}};
  const auto data = make_data(values);
  CHECK(data->info().vocabulary == 13);
  CHECK(data->info().bytes_per_token == 1.5);
  CHECK(data->decode(ids) == text);
  CHECK(data->encode(text) == ids);
  // What a checkpoint keeps of it is enough.
  const std::vector<StoredFile> files = stored_files(*data);
  REQUIRE(files.size() == 2);
  const auto stored = stored_dataset("data.json", files[0].bytes, files[1].bytes);
  CHECK(stored->decode(ids) == text);
  CHECK(stored->info().bytes_per_token == 1.5);
  // The same text and tokens through data.name = text.
  const auto direct = make_data({{"name", "text"},
                                 {"tokens", "sentencepiece"},
                                 {"path", folder.write("t.txt", text)},
                                 {"length", "8"},
                                 {"model", model_file}});
  CHECK(same(direct->batch(Split::train, 1, 0, 4), data->batch(Split::train, 1, 0, 4)));
  CHECK(direct->info().bytes_per_token > 1);
  values["vocabulary"] = "20";
  const Failure other = failure_of(values);
  CHECK(other.code == Exit::usage);
  CHECK_THAT(other.message, contains("the model of data.model has 13"));
}

}  // namespace moesim::testing
