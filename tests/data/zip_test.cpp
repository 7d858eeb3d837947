#include "sim/data/zip.hpp"

#include "tests/data/support.hpp"

#include <zlib.h>

namespace moesim::testing {
namespace {

// A stored member "a" that holds "hello", its directory, and the end record, worked out by hand.
const std::string kZipLocal(
    "PK\3\4\24\0\0\0\0\0\0\0\0\0\x86\xa6\x10\x36\5\0\0\0\5\0\0\0\1\0\0\0ahello", 36);
const std::string kZipEntry(
    "PK\1\2\24\0\24\0\0\0\0\0\0\0\0\0\x86\xa6\x10\x36\5\0\0\0\5\0\0\0\1\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "a",
    47);
const std::string kZipEnd("PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x24\0\0\0\0\0", 22);

std::string zip_member(const std::string& archive) {
  const std::vector<ZipMember> members = zip_members("a.zip", archive);
  REQUIRE(members.size() == 1);
  CHECK(members[0].name == "a");
  std::string room;
  return std::string(unzipped("a.zip", archive, members[0], 100, room));
}

std::string zip_refusal(const std::string& archive, std::uint64_t limit = 100) {
  const Failure failure = failure_of([&] {
    std::string room;
    for (const ZipMember& one : zip_members("a.zip", archive))
      unzipped("a.zip", archive, one, limit, room);
  });
  CHECK(failure.code == Exit::data);
  return failure.message;
}

std::string zip_changed(std::string text, std::size_t at, const std::string& to) {
  return text.replace(at, to.size(), to);
}

}  // namespace

TEST_CASE("a stored member is a part of the archive, also behind other bytes and a comment",
          "[zip]") {
  CHECK(is_zip(kZipLocal));
  CHECK_FALSE(is_zip("PK"));
  CHECK(zip_member(kZipLocal + kZipEntry + kZipEnd) == "hello");
  CHECK(zip_member(kZipLocal + kZipEntry + zip_changed(kZipEnd, 20, std::string("\4\0", 2)) +
                   "PK\5\6") == "hello");
  CHECK(zip_members("a.zip", std::string("PK\5\6", 4) + std::string(18, '\0')).empty());
}

TEST_CASE("an archive whose parts disagree is refused, and so is what it cannot hold", "[zip]") {
  const std::string whole = kZipLocal + kZipEntry + kZipEnd;
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THAT(zip_refusal(whole.substr(0, size)), contains("not whole"));
  const std::size_t entry = kZipLocal.size(), end = entry + kZipEntry.size();
  const auto refused = [&](std::size_t at, const std::string& to) {
    return zip_refusal(zip_changed(whole, at, to));
  };
  CHECK_THAT(refused(30, "b"), contains("two names"));
  CHECK_THAT(refused(31, "J"), contains("checksum"));
  CHECK_THAT(refused(entry + 8, "\1"), contains("encrypted"));
  CHECK_THAT(refused(entry + 10, "\14"), contains("method 12"));
  CHECK_THAT(refused(entry + 10, "\10"), contains("does not unpack"));
  CHECK_THAT(refused(entry + 24, "\6"), contains("two sizes"));
  CHECK_THAT(refused(entry + 24, "\xff\xff\xff\xff"), contains("4 GB"));
  CHECK_THAT(refused(entry + 42, "\1"), contains("not where"));
  CHECK_THAT(refused(entry + 28, "\xff"), contains("no end"));
  CHECK_THAT(refused(end + 8, std::string("\2\0\2", 3)), contains("1 of 2"));
  CHECK_THAT(refused(end + 8, "\2"), contains("other files"));
  CHECK_THAT(refused(end + 16, "\xff"), contains("0 of 1"));
  CHECK_THAT(zip_refusal(whole, 4), contains("at most 4"));
  // 16 MB of a member of 5 bytes: no memory is taken.
  CHECK_THAT(
      zip_refusal(zip_changed(zip_changed(whole, entry + 10, "\10"), entry + 24, "\xff\xff\xff"),
                  std::uint64_t{1} << 32),
      contains("more bytes than it can hold"));
  const std::string twice =
      kZipLocal + kZipEntry + kZipEntry +
      zip_changed(zip_changed(kZipEnd, 8, std::string("\2\0\2", 3)), 12, "\x5e");
  CHECK_THAT(zip_refusal(twice), contains("twice"));
}

}  // namespace moesim::testing
