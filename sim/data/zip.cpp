#include "sim/data/zip.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <set>

namespace moesim {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kZipLocal = "PK\x03\x04"sv, kZipEntry = "PK\x01\x02"sv,
                           kZipEnd = "PK\x05\x06"sv;
constexpr std::size_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22;
constexpr std::size_t kMostComment = 0xffff;
constexpr std::size_t kMostMembers = 1024;
constexpr std::uint64_t kTooLarge = 0xffffffff;  // the true number is elsewhere (ZIP64)
// The most that deflate expands a byte to, and what a header may add.
constexpr std::uint64_t kMostInflation = 1032, kInflationSlack = 1 << 10;

std::uint32_t zip_number(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes; i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(text[at + i]);
  return number;
}

[[noreturn]] void damaged_zip(const std::string& path, const std::string& what) {
  fail(Exit::data, path + ": a damaged ZIP archive: " + what);
}

// The end record: the last one whose comment ends with the archive.
std::size_t end_record(const std::string& path, std::string_view archive) {
  const std::size_t least =
      archive.size() > kEndBytes + kMostComment ? archive.size() - kEndBytes - kMostComment : 0;
  for (std::size_t at = archive.rfind(kZipEnd); at != archive.npos && at >= least;
       at = at == 0 ? archive.npos : archive.rfind(kZipEnd, at - 1))
    if (archive.size() - at >= kEndBytes &&
        archive.size() - at - kEndBytes == zip_number(archive, at + 20, 2))
      return at;
  damaged_zip(path, "it has no directory at its end; it is not whole");
}

// Finds the data of a member behind the header in front of it.
void find_data(const std::string& path, std::string_view archive, std::uint64_t header,
               std::uint64_t directory, ZipMember& member) {
  const std::string name = "'" + config::printable(member.name) + "'";
  if (header + kLocalBytes > directory || archive.substr(header, 4) != kZipLocal)
    damaged_zip(path, name + " is not where the directory says");
  const std::uint64_t length = zip_number(archive, header + 26, 2);
  member.begin = header + kLocalBytes + length + zip_number(archive, header + 28, 2);
  if (member.begin > directory || member.packed > directory - member.begin)
    damaged_zip(path, name + " does not end before the directory");
  if (archive.substr(header + kLocalBytes, length) != member.name)
    damaged_zip(path, name + " has two names");
}

}  // namespace

bool is_zip(std::string_view begin) {
  return begin.starts_with(kZipLocal) || begin.starts_with(kZipEnd);
}

std::vector<ZipMember> zip_members(const std::string& path, std::string_view archive) {
  const std::size_t end = end_record(path, archive);
  const std::size_t count = zip_number(archive, end + 10, 2);
  const std::uint64_t directory = zip_number(archive, end + 16, 4);
  if (zip_number(archive, end + 4, 4) != 0 || zip_number(archive, end + 8, 2) != count)
    damaged_zip(path, "it has parts in other files");
  if (count > kMostMembers)
    fail(Exit::data,
         fmt::format("{}: expected at most {} members, found {}", path, kMostMembers, count));
  std::vector<ZipMember> members;
  std::set<std::string_view> names;
  std::uint64_t at = directory;
  for (std::size_t i = 0; i < count; ++i) {
    if (at + kEntryBytes > end || archive.substr(at, 4) != kZipEntry)
      damaged_zip(path, fmt::format("its directory ends after {} of {} members", i, count));
    const std::size_t length = zip_number(archive, at + 28, 2);
    const std::uint64_t next = at + kEntryBytes + length + zip_number(archive, at + 30, 2) +
                               zip_number(archive, at + 32, 2);
    if (next > end) damaged_zip(path, "its directory has no end");
    ZipMember member;
    member.name = archive.substr(at + kEntryBytes, length);
    const std::string name = path + ": '" + config::printable(member.name) + "'";
    const std::uint32_t flags = zip_number(archive, at + 8, 2),
                        method = zip_number(archive, at + 10, 2);
    member.crc = zip_number(archive, at + 16, 4);
    member.packed = zip_number(archive, at + 20, 4);
    member.bytes = zip_number(archive, at + 24, 4);
    const std::uint64_t header = zip_number(archive, at + 42, 4);
    if ((flags & 1) != 0) fail(Exit::data, name + " is encrypted; write it without a password");
    if (method != 0 && method != 8)
      fail(Exit::data, fmt::format("{} is packed with method {}; expected stored or deflated "
                                   "members, as numpy.savez and savez_compressed write",
                                   name, method));
    if (member.packed == kTooLarge || member.bytes == kTooLarge || header == kTooLarge)
      fail(Exit::data, name + " has 4 GB or more; save fewer tokens per file");
    member.deflated = method == 8;
    if (!member.deflated && member.packed != member.bytes)
      damaged_zip(path, "'" + config::printable(member.name) + "' has two sizes");
    if (!names.insert(archive.substr(at + kEntryBytes, length)).second)
      damaged_zip(path, "'" + config::printable(member.name) + "' is there twice");
    find_data(path, archive, header, directory, member);
    members.push_back(std::move(member));
    at = next;
  }
  return members;
}

std::string_view unzipped(const std::string& path, std::string_view archive,
                          const ZipMember& member, std::uint64_t limit, std::string& room) {
  const std::string name = "'" + config::printable(member.name) + "'";
  if (member.bytes > limit)
    fail(Exit::data, fmt::format("{}: {} has {} bytes; expected at most {}: save fewer tokens per "
                                 "file",
                                 path, name, member.bytes, limit));
  std::string_view contents = archive.substr(member.begin, member.packed);
  if (member.deflated) {
    if (member.bytes > kMostInflation * member.packed + kInflationSlack)
      damaged_zip(path, name + " declares more bytes than it can hold");
    room.resize(member.bytes);
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail_in("zip", "zlib has no memory");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
    stream.avail_in = static_cast<uInt>(contents.size());
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int code = ::inflate(&stream, Z_FINISH);
    const bool whole = code == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
    ::inflateEnd(&stream);
    if (!whole) damaged_zip(path, name + " does not unpack to the size that the directory says");
    contents = room;
  }
  const uLong crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size());
  if (static_cast<std::uint32_t>(crc) != member.crc)
    damaged_zip(path, name + " has another checksum");
  return contents;
}

}  // namespace moesim
