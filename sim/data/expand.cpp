#include "sim/data/expand.hpp"

#include "sim/core/error.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>
#include <zlib.h>
#ifdef MOESIM_ZSTD
#include <zstd.h>
#endif

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace moesim {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kGzip = "\x1f\x8b\x08"sv, kZstd = "\x28\xb5\x2f\xfd"sv;
constexpr std::size_t kSlice = std::size_t{1} << 20;

// Streaming decompressor: consumes compressed bytes, produces expanded ones.
class Expander {
 public:
  virtual ~Expander() = default;
  // Consumes bytes from the beginning of `in` and writes at most `room` bytes to `out`; returns how
  // many. Throws Exit::data for corrupt data.
  virtual std::size_t expand(std::string_view& in, char* out, std::size_t room) = 0;
  // True between two members or frames.
  virtual bool is_between() const = 0;
};

class Gunzip final : public Expander {
 public:
  Gunzip() {
    constexpr int kGzipOnly = 16;
    if (::inflateInit2(&stream_, kGzipOnly + MAX_WBITS) != Z_OK)
      fail_in("gzip", "zlib has no memory");
  }
  ~Gunzip() override { ::inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  std::size_t expand(std::string_view& in, char* out, std::size_t room) override {
    if (between_) {
      // Tape blocks are padded with zeros; gzip ignores them too.
      if (const std::size_t zeros = std::min(in.find_first_not_of('\0'), in.size());
          members_ > 0 && zeros > 0) {
        in.remove_prefix(zeros);
        return 0;
      }
      ::inflateReset(&stream_);
      between_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    if (code == Z_STREAM_END) {
      between_ = true;
      ++members_;
    } else if (code == Z_MEM_ERROR) {
      fail_in("gzip", "zlib has no memory");
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      fail(Exit::data, fmt::format("broken gzip data ({})",
                                   stream_.msg == nullptr ? "zlib says no more" : stream_.msg));
    }
    return room - stream_.avail_out;
  }
  bool is_between() const override { return between_; }

 private:
  z_stream stream_{};
  bool between_ = true;
  std::uint64_t members_ = 0;
};

#ifdef MOESIM_ZSTD
class Unzstd final : public Expander {
 public:
  Unzstd() : stream_(::ZSTD_createDStream()) {
    if (stream_ == nullptr) fail_in("zstd", "no memory");
  }
  ~Unzstd() override { ::ZSTD_freeDStream(stream_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

  std::size_t expand(std::string_view& in, char* out, std::size_t room) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t left = ::ZSTD_decompressStream(stream_, &output, &input);
    if (::ZSTD_isError(left) != 0U)
      fail(Exit::data, fmt::format("broken zstd data ({})", ::ZSTD_getErrorName(left)));
    in.remove_prefix(input.pos);
    between_ = left == 0;
    return output.pos;
  }
  bool is_between() const override { return between_; }

 private:
  ZSTD_DStream* stream_;
  bool between_ = true;
};
#endif

std::unique_ptr<Expander> expander_of(std::string_view begin) {
  if (begin.starts_with(kGzip)) return std::make_unique<Gunzip>();
#ifdef MOESIM_ZSTD
  if (begin.starts_with(kZstd)) return std::make_unique<Unzstd>();
#else
  if (begin.starts_with(kZstd))
    fail(Exit::usage,
         "zstd data, and this build has no zstd: install libzstd-dev and build again, or unzstd "
         "the file");
#endif
  return nullptr;
}

std::string expanded_file(const InputFile& file, Expander& expander, std::uint64_t limit) {
  const std::uint64_t most =
      std::min(limit, std::max(kFreeExpansion, kMostExpansion * file.bytes()));
  std::string result;
  std::vector<char> slice(std::min<std::uint64_t>(kSlice, file.bytes()));
  for (std::uint64_t at = 0; at < file.bytes(); at += slice.size()) {
    slice.resize(std::min<std::uint64_t>(slice.size(), file.bytes() - at));
    file.read_at(at, slice.data(), slice.size());
    std::string_view in(slice.data(), slice.size());
    // If `out` was full, the same member may produce more without further input.
    for (bool more = false; !in.empty() || (more && !expander.is_between());) {
      const std::size_t done = result.size();
      if (done == result.capacity()) result.reserve(std::max(kSlice, 2 * done));
      const std::size_t room = std::min(kSlice, result.capacity() - done);
      result.resize(done + room);
      const std::size_t got = expander.expand(in, result.data() + done, room);
      result.resize(done + got);
      more = got == room;
      if (result.size() > most)
        fail(
            Exit::data,
            most == limit
                ? fmt::format("expected at most {} bytes of data, found more in {} compressed ones",
                              limit, file.bytes())
                : fmt::format("expected text, found {} bytes that expand more than {}-fold; unpack "
                              "the file if it is meant",
                              file.bytes(), kMostExpansion));
    }
  }
  if (!expander.is_between())
    fail(Exit::data,
         fmt::format("expected more compressed data, found the end of the file after {} "
                     "bytes; it is not whole",
                     file.bytes()));
  return result;
}

}  // namespace

std::string read_expanded(const std::string& path, std::uint64_t limit) {
  const InputFile file(path);
  char begin[4] = {};
  const std::size_t known = std::min<std::uint64_t>(sizeof begin, file.bytes());
  file.read_at(0, begin, known);
  const auto at = [&path] { return path; };
  const auto expander = within(at, [&] { return expander_of({begin, known}); });
  if (!expander) return contents_of(file, limit);
  return within(at, [&] { return expanded_file(file, *expander, limit); });
}

}  // namespace moesim
