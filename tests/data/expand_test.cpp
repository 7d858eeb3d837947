// Tests the decompression of gzip and zstd, with limits.
#include "sim/data/expand.hpp"

#include "sim/io/file.hpp"
#include "tests/data/compressed.hpp"
#include "tests/data/support.hpp"

namespace moesim::testing {
namespace {

std::string prose(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i)
    text += "Line " + std::to_string(i) + " of " + std::to_string(i * 7919 % 1000) + " others.\n";
  return text;
}

// Without libzstd every file of it says how to get it.
bool has_zstd(const TempFolder& folder) {
  const std::string path = folder.write("probe", zstd_stored("x"));
  const Failure failure = failure_of([&] { read_expanded(path, 100); });
  if (failure.code == Exit::ok) return true;
  CHECK(failure.code == Exit::usage);
  CHECK_THAT(failure.message, contains("install libzstd-dev and build again"));
  WARN("skipped: this build has no zstd");
  return false;
}

std::string expand_refusal(const std::string& path, std::uint64_t limit = kMaxDataBytes) {
  const Failure failure = failure_of([&] { read_expanded(path, limit); });
  CHECK(failure.code == Exit::data);
  CHECK(failure.message.starts_with(path + ": "));
  CHECK(failure.message.find('\n') == std::string::npos);
  return failure.message;
}

}  // namespace

TEST_CASE("expand: gzip, of any number of members", "[data][expand]") {
  const TempFolder folder;
  const std::string text = prose(3000), more = prose(50);
  const auto read = [&](const std::string& contents) {
    return read_expanded(folder.write("a", contents), kMaxDataBytes);
  };
  CHECK(read(text) == text);
  CHECK(read("x") == "x");
  CHECK(read(gzip(text)) == text);
  CHECK(read(gzip(text) + gzip(more) + gzip("")) == text + more);
  CHECK(read(gzip(text) + std::string(512, '\0')) == text);  // as tapes and pipes fill up
  // More than one slice on both sides: random digits do not shrink below a third.
  std::string large;
  std::uint32_t state = 1;
  while (large.size() < (std::size_t{5} << 20)) {
    state = state * 1664525 + 1013904223;
    large += std::to_string(state);
  }
  CHECK(read(gzip(large)) == large);
}

TEST_CASE("expand: gzip that is cut, broken or followed by something else", "[data][expand]") {
  const TempFolder folder;
  const std::string whole = gzip(prose(300));
  for (const std::size_t size :
       {std::size_t{3}, std::size_t{10}, whole.size() / 2, whole.size() - 8, whole.size() - 1})
    CHECK_THAT(expand_refusal(folder.write("cut", whole.substr(0, size))),
               contains("expected more compressed data, found the end of the file after " +
                        std::to_string(size) + " bytes"));
  CHECK_THAT(expand_refusal(folder.write("cut", whole + whole.substr(0, 100))),
             contains("expected more compressed data"));
  for (const std::size_t at : {whole.size() / 2, whole.size() - 6}) {  // data, and their sum
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ 0x55);
    expand_refusal(folder.write("broken", broken));
  }
  CHECK_THAT(expand_refusal(folder.write("behind", whole + "and text")),
             contains("broken gzip data"));
}

TEST_CASE("expand: zstd, of any number of frames", "[data][expand]") {
  const TempFolder folder;
  if (!has_zstd(folder)) return;
  const std::string text = prose(300), more = prose(5);
  const auto read = [&](const std::string& contents) {
    return read_expanded(folder.write("a", contents), kMaxDataBytes);
  };
  CHECK(read(zstd_stored(text)) == text);
  // A frame to be skipped between two others (RFC 8878, 3.1.2).
  const std::string skipped(
      "\x50\x2a\x4d\x18\x03\x00\x00\x00"
      "abc",
      11);
  CHECK(read(zstd_stored(text) + skipped + zstd_stored(more)) == text + more);
  for (const std::size_t size : {std::size_t{5}, std::size_t{9}, text.size()})
    CHECK_THAT(expand_refusal(folder.write("cut", zstd_stored(text).substr(0, size))),
               contains("expected more compressed data"));
  CHECK_THAT(expand_refusal(folder.write("behind", zstd_stored(text) + "and text")),
             contains("broken zstd data"));
}

TEST_CASE("expand: what expands without bound is stopped", "[data][expand]") {
  const TempFolder folder;
  // 100 MiB of zeros are 100 kB of gzip.
  const std::string bomb = gzip(std::string(std::size_t{100} << 20, '\0'));
  REQUIRE(bomb.size() * kMostExpansion < kFreeExpansion);
  const std::string path = folder.write("bomb", bomb);
  CHECK_THAT(expand_refusal(path), contains("expand more than 200-fold"));
  CHECK_THAT(expand_refusal(path, 1000),
             contains("expected at most 1000 bytes of data, found more"));
  // Up to 64 MiB may be as monotonous as they like.
  const std::string flat(std::size_t{20} << 20, 'x');
  CHECK(read_expanded(folder.write("flat", gzip(flat)), kMaxDataBytes) == flat);
  if (!has_zstd(folder)) return;
  // Slices of 1 MiB that are full when a frame ends.
  const std::string full = read_expanded(folder.write("z", zstd_bomb(16)), kMaxDataBytes);
  CHECK(full == std::string(std::size_t{2} << 20, 'x'));
  CHECK_THAT(expand_refusal(folder.write("z", zstd_bomb(1000))),
             contains("expand more than 200-fold"));
}

TEST_CASE("text: compressed files are read as what is in them", "[data][text][expand]") {
  const TempFolder folder;
  const std::string text = prose(100);
  const auto hash = [](const std::string& path) {
    return make_data({{"name", "text"}, {"path", path}, {"length", "16"}})->info().sha256;
  };
  const std::string plain = hash(folder.write("a.txt", text));
  CHECK(hash(folder.write("a.gz", gzip(text))) == plain);
  CHECK(hash(folder.write("gzip-by-another-name.txt", gzip(text))) == plain);
  CHECK(make_data(
            {{"name", "text"}, {"tokens", "raw"}, {"length", "16"}, {"path", folder.path("a.gz")}})
            ->info()
            .sha256 != plain);
  // In a folder, the plain one of a pair; and by pattern.
  std::filesystem::create_directory(folder.path("f"));
  folder.write("f/a.txt.gz", gzip(text));
  CHECK(hash(folder.path("f")) == plain);
  CHECK(hash(folder.path("f/*.txt.gz")) == plain);
  folder.write("f/a.txt", text);
  CHECK(hash(folder.path("f")) == plain);
  // What is in it must be text.
  const Failure failure =
      failure_of({{"name", "text"}, {"path", folder.write("b.gz", gzip("PK\x03\x04" + text))}});
  CHECK(failure.code == Exit::data);
  CHECK_THAT(failure.message, contains("expected text, found a ZIP archive"));
}

}  // namespace moesim::testing
