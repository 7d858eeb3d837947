// Tests the recognition of files that are not text.
#include "sim/data/foreign.hpp"

#include "tests/data/support.hpp"

#include <cstdint>
#include <vector>

namespace moesim::testing {
namespace {

const std::string kProse =
    repeated("It is a truth universally acknowledged,\tthat a text has lines.\r\n", 20);

// Whole numbers, the low byte first.
std::string numbers(const std::vector<std::uint32_t>& values, int bytes) {
  std::string text;
  for (const std::uint32_t value : values)
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

// Of a generator of Lehmer: 0 .. limit - 1.
std::vector<std::uint32_t> random_numbers(std::size_t count, std::uint32_t limit) {
  std::vector<std::uint32_t> values;
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 48271 % 2147483647;
    values.push_back(static_cast<std::uint32_t>(state % limit));
  }
  return values;
}

std::string utf_16(const std::string& ascii, bool little) {
  std::string text;
  for (const char c : ascii) text += little ? std::string{c, '\0'} : std::string{'\0', c};
  return text;
}

std::string found(const std::string& contents, const std::string& path = "a.txt") {
  return foreign_format(path, contents);
}

}  // namespace

TEST_CASE("foreign: text in any encoding is text", "[data][text]") {
  CHECK(found(kProse) == "");
  CHECK(found("\xEF\xBB\xBF" + kProse) == "");
  CHECK(found("x") == "");
  CHECK(found(repeated("na\xc3\xafve \xe6\x96\x87\xe5\xad\x97\xe3\x80\x82\n", 50)) == "");  // UTF-8
  CHECK(found(repeated("na\xefve caf\xe9\n", 50)) == "");                        // Latin-1
  CHECK(found(repeated("\x93quoted\x94 \x80 5\n", 50)) == "");                   // Windows-1252
  CHECK(found(repeated("\x83\x65\x83\x4c\x83\x58\x83\x67\x81\x42", 50)) == "");  // Shift-JIS
  CHECK(found(repeated("\xce\xc4\xd7\xd6\xa1\xa3", 50)) == "");                  // GBK
  CHECK(found(repeated("\x1b$B%F%-%9%H\x1b(B\n", 50)) == "");                    // ISO-2022-JP
  CHECK(found(repeated("page\f", 50)) == "");
  CHECK(found(repeated("N\bNA\bAM\bME\bE\n", 50)) == "");  // bold, as man writes it
  CHECK(found(kProse + '\x1a') == "");                     // an end as DOS had it
  CHECK(found(kProse + '\0' + kProse) == "");              // one damaged byte
}

TEST_CASE("foreign: formats are known by their first bytes, whatever the name", "[data][text]") {
  using namespace std::string_literals;
  const auto begins = [](const std::string& bytes) { return found(bytes + kProse); };
  CHECK(begins("\x1f\x8b\x08\0"s) == "gzip data: gunzip it first");
  CHECK(begins("BZh91AY&SY") == "bzip2 data: bunzip2 it first");
  CHECK(begins("\xfd\x37zXZ\0"s) == "xz data: unxz it first");
  CHECK(begins("\x28\xb5\x2f\xfd") == "zstd data: unzstd it first");
  CHECK_THAT(begins("PK\x03\x04"), contains("a ZIP archive"));
  CHECK_THAT(begins("%PDF-1.7"), contains("pdftotext"));
  CHECK_THAT(begins("\x89PNG\r\n\x1a\n"), contains("a PNG image"));
  CHECK_THAT(begins("\x89HDF\r\n\x1a\n"), contains("an HDF5 file"));
  CHECK_THAT(begins("\x93NUMPY\1\0v\0"s), contains("a NumPy array"));
  CHECK_THAT(begins("PAR1\x15"), contains("a Parquet file"));
  CHECK_THAT(begins("\0\0\x08\x03"s), contains("data.name = idx"));
  CHECK_THAT(begins("version https://git-lfs.github.com/spec/v1\n"), contains("git lfs pull"));
  CHECK_THAT(begins("\xff\xfe"), contains("UTF-16"));
  CHECK_THAT(found(std::string(257, 'a') + "ustar" + kProse), contains("a tar archive"));
  CHECK_THAT(begins("\x20\0\0\0\0\0\0\0{\"weight\":{}}"s), contains("safetensors"));
  // A text about a format is none.
  CHECK(begins("PK is a format, BZh another, PAR1 a third. ") == "");
}

TEST_CASE("foreign: ids, arrays and compressed data have bytes that text has not", "[data][text]") {
  // The ids of nanoGPT: 16 bits, of GPT-2 or of a few characters.
  CHECK_THAT(found(numbers(random_numbers(5000, 50257), 2)), contains("numbers of 16 bits"));
  CHECK_THAT(found(numbers(random_numbers(5000, 65), 2)), contains("numbers of 16 bits"));
  CHECK_THAT(found(numbers(random_numbers(5000, 50257), 4)), contains("numbers of 32 bits"));
  CHECK_THAT(found(numbers(random_numbers(5001, 256), 1)), contains("binary data"));
  auto wide = random_numbers(5000, 50257);
  for (std::size_t i = 1; i < wide.size(); i += 2) wide[i] = 0;  // the high words of 64 bits
  CHECK_THAT(found(numbers(wide, 4)), contains("numbers of 64 bits"));
  CHECK_THAT(found(utf_16(kProse, true)) + found(utf_16(kProse, false)),
             contains("utf-16le") && contains("utf-16be"));
  CHECK_THAT(found(std::string(1000, '\0')), contains("numbers of 32 bits"));
}

TEST_CASE("foreign: JSON and web pages, but not what only looks a little like them",
          "[data][text]") {
  CHECK_THAT(found(repeated("{\"text\": \"one\", \"id\": 1}\n", 3)), contains("JSON lines"));
  CHECK_THAT(found("{\"text\": \"one\"}\n"), contains("JSON: "));
  CHECK_THAT(found("{\n  \"text\": \"one\"\n}\n"), contains("JSON: "));
  CHECK_THAT(found("[\"one\", \"two\"]"), contains("JSON: "));
  CHECK_THAT(found(" [\n {\"text\": \"one\"}]"), contains("jq -r '.[].text'"));
  CHECK(found("{\"text\": \"one\"}\nis how a record looks.\n") == "");
  CHECK(found("[Illustration]\n" + kProse) == "");
  CHECK(found("[1] A footnote.\n[2] Another [3]") == "");
  CHECK(found("{braces} and \"quotes\": all in prose}") == "");
  CHECK_THAT(found("\n<!DOCTYPE html>\n<html>" + kProse), contains("a web page"));
  CHECK(found("<!DOCTYPE html>\n<html>" + kProse, "pages/a.html") == "");
}

TEST_CASE("text: what is no text is refused, and raw takes it", "[data][text]") {
  const TempFolder folder;
  const std::string ids = folder.write("train.bin", numbers(random_numbers(5000, 65), 2));
  std::map<std::string, std::string> values = {{"name", "text"}, {"path", ids}};
  for (const char* tokens : {"bytes", "chars"}) {
    values["tokens"] = tokens;
    const Failure failure = failure_of(values);
    CHECK(failure.code == Exit::data);
    CHECK_THAT(failure.message, contains("test: data.path = "));
    CHECK_THAT(failure.message, contains(ids + ": expected text, found numbers of 16 bits"));
    CHECK_THAT(failure.message, contains("tokens = raw takes every byte as it is"));
  }
  values["tokens"] = "raw";
  CHECK(make_data(values)->info().train_size == 9000);
  // One archive among several files is found.
  const std::string text = folder.write("a.txt", kProse),
                    other = folder.write("b.txt", "PK\x03\x04");
  CHECK_THAT(failure_of({{"name", "text"}, {"path", text + "; " + other}}).message,
             contains(other + ": expected text, found a ZIP archive"));
}

TEST_CASE("text: a byte order mark is no part of the text", "[data][text]") {
  const TempFolder folder;
  const std::string text = folder.write("a.txt", "\xEF\xBB\xBF" + repeated("ab", 100));
  std::map<std::string, std::string> values = {{"name", "text"}, {"path", text}, {"length", "4"}};
  for (const char* tokens : {"chars", "bytes"}) {
    values["tokens"] = tokens;
    const auto data = make_data(values);
    CHECK(data->info().train_size + 20 == 200);
    CHECK(data->info().unigram[tokens[0] == 'c' ? 0 : 'a'] == 90);
  }
}

TEST_CASE("text: one token everywhere is nothing to predict", "[data][text]") {
  const TempFolder folder;
  std::map<std::string, std::string> values = {{"name", "text"}, {"length", "4"}};
  for (const char* tokens : {"bytes", "chars", "raw"}) {
    values["tokens"] = tokens;
    values["path"] = folder.write("a", std::string(1000, 'x'));
    CHECK_THAT(failure_of(values).message,
               contains("found the same token everywhere in the training split"));
    values["path"] = folder.write("b", repeated("xy", 500) + std::string(200, 'x'));
    CHECK_THAT(failure_of(values).message,
               contains("found the same token everywhere in the validation split"));
    values["path"] = folder.write("c", repeated("xy", 500));
    CHECK(make_data(values)->info().train_size == 900);
  }
}

}  // namespace moesim::testing
