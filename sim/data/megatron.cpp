#include "sim/data/megatron.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace moesim {
namespace {

constexpr char kIndexMagic[] = "MMIDIDX\0";  // 9 bytes, with the literal's final 0
constexpr std::size_t kHeader = 9 + 8 + 1 + 8 + 8;
// Limits runs, which take 16 bytes each. Megatron's own writer leaves no gaps, so all runs merge.
constexpr std::size_t kMostRuns = std::size_t{1} << 24;

constexpr const IdType& kLength = *id_type_named("int32");
constexpr const IdType& kOffset = *id_type_named("int64");

// An array of integers in a file, read in slices.
class Column {
 public:
  Column(const InputFile& file, std::uint64_t begin, std::uint64_t count, const IdType& type)
      : file_(file), begin_(begin), count_(count), type_(type) {}

  std::int64_t next() {
    const auto bytes = static_cast<std::size_t>(type_.bytes);
    if (at_ == slice_.size()) {
      constexpr std::uint64_t kSlice = 1 << 16;
      const std::uint64_t count = std::min(kSlice, count_ - done_);
      slice_.resize(count * bytes);
      file_.read_at(begin_ + done_ * bytes, slice_.data(), slice_.size());
      done_ += count;
      at_ = 0;
    }
    at_ += bytes;
    return number_at(slice_.data() + at_ - bytes, type_);
  }

 private:
  const InputFile& file_;
  std::uint64_t begin_, count_, done_ = 0;
  const IdType& type_;
  std::vector<unsigned char> slice_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_megatron_index(const InputFile& file) {
  char begin[sizeof kIndexMagic] = {};
  if (file.bytes() < sizeof begin) return false;
  file.read_at(0, begin, sizeof begin);
  return std::memcmp(begin, kIndexMagic, sizeof begin) == 0;
}

MegatronIndex read_megatron_index(const InputFile& file, std::uint64_t bin_bytes) {
  const auto refuse = [&file](const std::string& expected, const std::string& found) {
    fail(Exit::data, fmt::format("{}: expected {}, found {}", file.path(), expected, found));
  };
  unsigned char header[kHeader] = {};
  if (!is_megatron_index(file) || file.bytes() < kHeader)
    refuse("the index of a Megatron data set", "another file, or one cut off");
  file.read_at(0, header, kHeader);
  const IdType& word = *id_type_named("uint64");
  if (const std::int64_t version = number_at(header + 9, word); version != 1)
    refuse("an index of version 1", fmt::format("version {}", version));
  MegatronIndex result;
  for (const IdType& type : kIdTypes)
    if (type.megatron != 0 && type.megatron == header[17]) result.type = &type;
  if (result.type == nullptr)
    refuse("the code of whole numbers (1 to 5, or 8)", header[17] == 6 || header[17] == 7
                                                           ? "floating point"
                                                           : fmt::format("code {}", header[17]));
  const auto sequences = static_cast<std::uint64_t>(number_at(header + 18, word));
  const auto boundaries = static_cast<std::uint64_t>(number_at(header + 26, word));
  const std::uint64_t rest = file.bytes() - kHeader;
  // The products fit in 64 bits because the counts are bounded by the file size.
  const bool fits = sequences <= rest / 12 && boundaries <= rest / 8;
  const std::uint64_t arrays = fits ? 12 * sequences + 8 * boundaries : 0;
  if (!fits || (rest != arrays && rest != arrays + sequences))
    refuse(fmt::format("the arrays of {} sequences and {} boundaries of documents", sequences,
                       boundaries),
           fmt::format("{} bytes for them", rest));
  if (sequences == 0) refuse("sequences", "none");

  Column lengths(file, kHeader, sequences, kLength);
  Column offsets(file, kHeader + 4 * sequences, sequences, kOffset);
  Column documents(file, kHeader + 12 * sequences, boundaries, kOffset);
  const auto width = static_cast<std::uint64_t>(result.type->bytes);
  for (std::uint64_t i = 0; i < sequences; ++i) {
    const std::int64_t length = lengths.next(), offset = offsets.next();
    const std::uint64_t most = offset < 0 || static_cast<std::uint64_t>(offset) > bin_bytes
                                   ? 0
                                   : (bin_bytes - static_cast<std::uint64_t>(offset)) / width;
    if (length < 0 || offset < 0 || static_cast<std::uint64_t>(length) > most)
      refuse(fmt::format("sequences inside of a .bin of {} bytes", bin_bytes),
             fmt::format("sequence {} of {} tokens at byte {}", i, length, offset));
    if (length == 0) continue;
    const auto begin = static_cast<std::uint64_t>(offset);
    if (!result.runs.empty() &&
        result.runs.back().begin + static_cast<std::uint64_t>(result.runs.back().count) * width ==
            begin)
      result.runs.back().count += length;
    else
      result.runs.push_back({begin, length});
    if (result.runs.size() > kMostRuns)
      refuse(fmt::format("at most {} sequences that do not follow the one before", kMostRuns),
             "more");
  }
  std::int64_t last = 0;
  for (std::uint64_t i = 0; i < boundaries; ++i) {
    const std::int64_t sequence = documents.next();
    if (sequence < last || static_cast<std::uint64_t>(sequence) > sequences)
      refuse(fmt::format("documents that begin with sequences from {} to {}", last, sequences),
             fmt::format("{} as boundary {}", sequence, i));
    last = sequence;
  }
  if (result.runs.empty()) refuse("tokens", "only empty sequences");
  result.sequences = static_cast<index>(sequences);
  result.documents = std::max<index>(0, static_cast<index>(boundaries) - 1);
  return result;
}

}  // namespace moesim
