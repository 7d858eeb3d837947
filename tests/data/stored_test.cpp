// Tests that the data description in a checkpoint gives the same tokens and sizes.
#include "sim/data/stored.hpp"

#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/tokenizer.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sentencepiece_model.hpp"

#include <numeric>
#include <random>

namespace moesim::testing {
namespace {

std::shared_ptr<const Dataset> dataset_of(
    const std::vector<std::pair<std::string, std::string>>& values) {
  Settings settings;
  for (const auto& [key, value] : values) settings.set("data." + key, value, "test");
  Options options(settings, "data");
  return make_dataset(options);
}

std::shared_ptr<const Dataset> stored(const Dataset& data) {
  const std::vector<StoredFile> files = stored_files(data);
  REQUIRE(files.front().name == kDataFile);
  return stored_dataset("x/data.json", files.front().bytes, files.size() > 1 ? files[1].bytes : "");
}

void check_same(const Dataset& a, const Dataset& b) {
  CHECK(a.info().length == b.info().length);
  CHECK(a.info().vocabulary == b.info().vocabulary);
  CHECK(a.info().features == b.info().features);
  CHECK(a.info().classes == b.info().classes);
  CHECK(a.info().domains == b.info().domains);
  CHECK(a.info().unigram == b.info().unigram);
  CHECK(a.info().validation_rows == b.info().validation_rows);
  CHECK(a.info().sha256 == b.info().sha256);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(a.info().vocabulary));
  std::iota(ids.begin(), ids.end(), 0);
  CHECK(a.decode(ids) == b.decode(ids));
}

TEST_CASE("stored data: the same info and the same tokens", "[data]") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "x\xc3\xa9\xf0\x9f\x98\x80 b\n";
  write_bytes(folder / "t", text);
  for (const char* tokens : {"bytes", "chars"}) {
    const auto data =
        dataset_of({{"name", "text"}, {"path", "a:" + folder / "t"}, {"tokens", tokens}});
    check_same(*data, *stored(*data));
    CHECK(stored(*data)->encode("b\xc3\xa9x") == data->encode("b\xc3\xa9x"));
  }
  const auto synthetic = dataset_of({{"name", "synthetic"}, {"symbols", "7"}});
  check_same(*synthetic, *stored(*synthetic));
  CHECK(stored(*synthetic)->encode("3 1") == std::vector<std::int32_t>{3, 1});
  CHECK_THROWS_AS(stored(*synthetic)->batch(Split::train, 0, 0, 1), Error);
}

TEST_CASE("stored data: what is none is refused in a line", "[data]") {
  const auto synthetic = dataset_of({{"name", "synthetic"}, {"symbols", "7"}});
  const std::string whole = stored_files(*synthetic).front().bytes;
  const auto refused = [](const std::string& json, const std::string& tokenizer = "") {
    try {
      stored_dataset("x/data.json", json, tokenizer);
    } catch (const Error& error) {
      CHECK(error.code() == Exit::data);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refused(whole).empty());
  CHECK_THAT(refused(whole.substr(0, 20)), contains("x/data.json: incomplete"));
  CHECK_THAT(refused("[]"), contains("x/data.json: incomplete"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string edited = whole;
    const std::size_t at = edited.find(from);
    REQUIRE(at != std::string::npos);
    return edited.replace(at, from.size(), to);
  };
  CHECK_THAT(refused(with("\"vocabulary\":7", "\"vocabulary\":-7")), contains("out of range"));
  CHECK_THAT(refused(with("\"vocabulary\":7", "\"vocabulary\":8")), contains("as many counts"));
  CHECK_THAT(refused(with("{", "{\"tokens\":\"syllables\",")), contains("no tokeniser"));
  CHECK_THAT(refused(with("{", "{\"tokens\":\"bytes\",")), contains("another vocabulary"));
  CHECK_THAT(refused(with("{", "{\"tokens\":\"chars\","), "\xff"), contains("no tokeniser"));
}

// Pieces that are bytes become characters together: the text so far may change.
TEST_CASE("sentencepiece: settled text is a beginning of every later one", "[data]") {
  std::unique_ptr<Tokenizer> tokens;
  try {
    tokens = sentencepiece_tokenizer("small.model", small_sentencepiece_model());
  } catch (const Error& problem) {
    if (problem.code() != Exit::usage) throw;
    WARN("skipped: " << problem.what());
    return;
  }
  check_same(
      *stored_dataset("x",
                      "{\"length\":1,\"vocabulary\":" + std::to_string(tokens->vocabulary()) +
                          ",\"features\":0,\"classes\":0,\"train_size\":0,"
                          "\"validation_size\":0,\"validation_rows\":0,"
                          "\"sha256\":\"\",\"domains\":[],\"unigram\":[],"
                          "\"tokens\":\"sentencepiece\"}",
                      tokens->content()),
      *stored_dataset("x",
                      "{\"length\":1,\"vocabulary\":" + std::to_string(tokens->vocabulary()) +
                          ",\"features\":0,\"classes\":0,\"train_size\":0,"
                          "\"validation_size\":0,\"validation_rows\":0,"
                          "\"sha256\":\"\",\"domains\":[],\"unigram\":[],"
                          "\"tokens\":\"sentencepiece\"}",
                      small_sentencepiece_model()));
  // A face in bytes: wrong characters until the fourth.
  std::vector<std::int32_t> face;
  tokens->encode("a\xf0\x9f\x98\x80", [&](std::int32_t id) { face.push_back(id); });
  REQUIRE(face.size() >= 5);
  CHECK(tokens->decode(face) == "a\xf0\x9f\x98\x80");
  CHECK(tokens->settled(face) == face.size() - 4);
  face.pop_back();
  CHECK(tokens->decode(face) != "a\xf0\x9f\x98");

  std::mt19937 random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<std::int32_t> ids;
    std::string before;
    for (int i = 0; i < 12; ++i) {
      // Half of them of the bytes of faces, so that characters come about.
      const unsigned bytes[] = {0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac};
      const auto vocabulary = static_cast<unsigned>(tokens->vocabulary());
      ids.push_back(static_cast<std::int32_t>(
          random() % 2 == 0 ? kSmallModelFirstByte + bytes[random() % 7] : random() % vocabulary));
      const std::string settled = tokens->decode(
          {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(tokens->settled(ids))});
      REQUIRE(settled.starts_with(before));
      REQUIRE(tokens->decode(ids).starts_with(settled));
      before = settled;
    }
  }
}

}  // namespace
}  // namespace moesim::testing
