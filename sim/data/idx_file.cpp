#include "sim/data/idx_file.hpp"

#include "sim/core/error.hpp"
#include "sim/data/foreign.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr std::uint32_t kMaxSide = 4096;  // height or width of an image, in pixels

// Reads a plain or gzip file; zlib passes plain bytes through.
class GzipFile {
 public:
  explicit GzipFile(const std::string& path) : path_(path) {
    InputFile file(path);
    file_ = ::gzdopen(file.descriptor(), "rb");
    if (file_ == nullptr) fail_in("idx", path + ": zlib cannot open it");
    file.release();  // gzclose closes it
  }
  ~GzipFile() { ::gzclose(file_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  // At most `count` bytes; fewer only at the end.
  std::vector<std::uint8_t> read(std::uint64_t count) {
    constexpr std::uint64_t kChunk = 1 << 20;
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < count) {
      const std::size_t done = bytes.size();
      const auto wanted = static_cast<unsigned>(std::min(kChunk, count - done));
      bytes.resize(done + wanted);
      const int got = ::gzread(file_, bytes.data() + done, wanted);
      int code = Z_OK;
      ::gzerror(file_, &code);
      if (got < 0 || code == Z_BUF_ERROR)
        fail(Exit::data,
             fmt::format("{}: expected {} more bytes, found {} after {} of them", path_, count,
                         code == Z_BUF_ERROR ? "the end of the file" : "broken data",
                         done + static_cast<std::size_t>(std::max(got, 0))));
      bytes.resize(done + static_cast<std::size_t>(got));
      if (static_cast<unsigned>(got) < wanted) break;
    }
    return bytes;
  }

 private:
  std::string path_;
  gzFile file_;
};

struct Idx {
  std::vector<index> dims;
  std::vector<std::uint8_t> data;
};

// Advice by the first bytes: ", a ZIP archive: unzip it first"; "" for IDX and unknown formats.
std::string other_format(const std::vector<std::uint8_t>& header) {
  const std::string bytes(header.begin(), header.end());
  const std::string format =
      bytes.starts_with(std::string("\0\0\x08", 3)) ? "" : format_by_magic(bytes);
  return format.empty() ? "" : ", " + format;
}

Idx read_idx(const std::string& path, std::size_t rank, const std::string& what) {
  GzipFile file(path);
  const std::size_t header_bytes = 4 * (1 + rank);
  const std::vector<std::uint8_t> header = file.read(header_bytes);
  const auto word = [&header](std::size_t i) {
    std::uint32_t value = 0;
    for (std::size_t byte = 0; byte < 4; ++byte) value = value << 8 | header[4 * i + byte];
    return value;
  };
  const auto refuse = [&path](const std::string& expected, const std::string& found) {
    fail(Exit::data, fmt::format("{}: expected {}, found {}", path, expected, found));
  };

  const std::uint32_t magic = 0x800u + static_cast<std::uint32_t>(rank);
  if (header.size() >= 4 && word(0) != magic)
    refuse(fmt::format("the magic number {:#010x} of {}", magic, what),
           fmt::format("{:#010x}", word(0)) + other_format(header));
  if (header.size() < header_bytes)
    refuse(fmt::format("a header of {} bytes", header_bytes), std::to_string(header.size()));

  Idx idx;
  std::uint64_t declared = 1;  // count x height x width < 2^32 x 2^12 x 2^12
  std::string shape;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::uint32_t size = word(1 + i);
    if (i == 0 && size == 0) refuse(what, "none");
    if (i > 0 && (size == 0 || size > kMaxSide))
      refuse(fmt::format("sides of 1 .. {} pixels", kMaxSide), std::to_string(size));
    declared *= size;
    idx.dims.push_back(size);
    shape += (i > 0 ? " x " : "") + std::to_string(size);
  }
  const std::string claim =
      fmt::format("{} = {} bytes of data, as its header says", shape, declared);
  if (declared > kMaxDataBytes)
    refuse(fmt::format("at most {} bytes of data", kMaxDataBytes), claim);
  idx.data = file.read(declared);
  if (idx.data.size() < declared) refuse(claim, std::to_string(idx.data.size()));
  // Reading to the end makes zlib verify the checksum of compressed data.
  if (!file.read(1).empty()) refuse(claim, "more");
  return idx;
}

}  // namespace

ImageStack read_idx_images(const std::string& path) {
  Idx idx = read_idx(path, 3, "images");
  return {idx.dims[0], idx.dims[1], idx.dims[2], std::move(idx.data)};
}

std::vector<std::uint8_t> read_idx_labels(const std::string& path) {
  return read_idx(path, 1, "labels").data;
}

}  // namespace moesim
