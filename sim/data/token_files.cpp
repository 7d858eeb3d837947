#include "sim/data/token_files.hpp"

#include "sim/core/error.hpp"
#include "sim/data/foreign.hpp"
#include "sim/data/megatron.hpp"
#include "sim/data/npy.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

namespace moesim {
namespace {

constexpr index kMostTokens = index{1} << 48;

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::string with_ending(const std::string& path, const char* ending) {
  return std::filesystem::path(path).replace_extension(ending).string();
}

// The .bin of a Megatron data set, given any of its three names; else the name itself.
std::string bin_of(const std::string& path) {
  if (path.ends_with(".idx") && exists(with_ending(path, ".bin"))) return with_ending(path, ".bin");
  if (!exists(path) && exists(path + ".bin") && exists(path + ".idx")) return path + ".bin";
  return path;
}

std::vector<std::string> files_of(const CorpusPart& part) {
  if (const std::string path = under_root(part.root, part.pattern); bin_of(path) != path)
    return {bin_of(path)};
  if (const std::string folder = under_root(part.root, part.pattern); holds_both_splits(folder))
    fail(Exit::data, folder +
                         ": expected the files of one split, found train.bin and val.bin; name the "
                         "first in data.path and the second in data.validation");
  std::set<std::string> files;  // a set: one pattern may match .bin and .idx
  for (const std::string& file : match_files(part.pattern, part.root, {".bin", ".npy"}))
    files.insert(bin_of(file));
  return {files.begin(), files.end()};
}

// True if the first kilobytes are text characters only. Some 16-bit ids have a high byte below 32,
// unless all ids are above 8191.
bool is_text(std::string_view begin) {
  return begin.size() >= 64 && std::all_of(begin.begin(), begin.end(), [](char c) {
           return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t' ||
                  c == '\f';
         });
}

// True if every second 16-bit number is 0, but not all are: the numbers have 32 bits or more.
bool is_wide(std::string_view begin) {
  bool any_low = false;
  for (std::size_t i = 0; i + 3 < begin.size(); i += 4) {
    if (begin[i + 2] != '\0' || begin[i + 3] != '\0') return false;
    any_low = any_low || begin[i] != '\0' || begin[i + 1] != '\0';
  }
  return any_low && begin.size() >= 64;
}

// The type of the numbers in a file without a header.
const IdType& raw_type(const InputFile& file, const std::string& dtype) {
  if (dtype != "auto") return *id_type_named(dtype);
  constexpr std::uint64_t kBegin = 1 << 16;
  constexpr std::size_t kTelling = 3;  // shorter magic numbers could be ids
  std::string begin(std::min(kBegin, file.bytes()), '\0');
  file.read_at(0, begin.data(), begin.size());
  const auto refuse = [&file](const std::string& found) {
    fail(Exit::data, fmt::format("{}: expected token ids, found {}; data.dtype = uint16 takes any "
                                 "file as numbers of 16 bits",
                                 file.path(), found));
  };
  if (const std::string format = format_by_magic(begin, kTelling); !format.empty()) refuse(format);
  if (is_text(begin)) refuse("text: data.name = text reads it");
  if (is_wide(begin))
    refuse("0 as each second number of 16 bits: perhaps data.dtype = uint32 (or int64)");
  return *id_type_named("uint16");
}

void require_type(const std::string& path, const IdType& found, const std::string& dtype) {
  if (dtype == "auto" || dtype == found.name) return;
  fail(Exit::data, fmt::format("{}: expected {} (data.dtype), found {} in its header; leave "
                               "data.dtype = auto",
                               path, dtype, found.name));
}

}  // namespace

bool holds_both_splits(const std::string& folder) {
  return !folder.empty() && exists(folder + "/train.bin") && exists(folder + "/val.bin");
}

TokenFiles::TokenFiles(const CorpusPart& part, const std::string& dtype) {
  for (const std::string& path : files_of(part)) add(path, dtype);
}

void TokenFiles::add(const std::string& path, const std::string& dtype) {
  if (const std::string index_path = with_ending(path, ".idx");
      path.ends_with(".bin") && exists(index_path)) {
    const InputFile index_file(index_path);
    if (is_megatron_index(index_file)) return add_megatron(path, index_file, dtype);
    if (dtype == "auto")
      fail(Exit::data, index_path +
                           ": expected the index of a Megatron data set next to its .bin, found "
                           "another beginning; name data.dtype to read the .bin without it");
  }
  auto file = std::make_unique<File>(path);
  char begin[8] = {};
  const std::size_t known = std::min<std::uint64_t>(sizeof begin, file->file.bytes());
  file->file.read_at(0, begin, known);
  index count = 0;
  if (is_npy({begin, known})) {
    const NpyArray array = npy_array(file->file);
    if (array.shape.size() > 2)
      fail(Exit::data, fmt::format("{}: expected ids in one dimension or two, found {}", path,
                                   shape_text(array.shape)));
    require_type(path, *array.type, dtype);
    file->type = array.type, file->begin = array.begin, count = array.count;
  } else if (is_megatron_index(file->file)) {
    fail(Exit::data, fmt::format("{}: expected {} next to this index of a Megatron data set, found "
                                 "no such file",
                                 path, with_ending(path, ".bin")));
  } else {
    file->type = &raw_type(file->file, dtype);
    const auto width = static_cast<std::uint64_t>(file->type->bytes);
    if (file->file.bytes() % width != 0)
      fail(Exit::data, fmt::format("{}: expected ids of {} bytes ({}), found {} bytes, which is no "
                                   "multiple of that",
                                   path, width, file->type->name, file->file.bytes()));
    count = static_cast<index>(file->file.bytes() / width);
  }
  files_.push_back(std::move(file));
  add_piece(files_.back()->begin, count);
}

void TokenFiles::add_megatron(const std::string& bin, const InputFile& index_file,
                              const std::string& dtype) {
  auto file = std::make_unique<File>(bin);
  const MegatronIndex found = read_megatron_index(index_file, file->file.bytes());
  require_type(index_file.path(), *found.type, dtype);
  file->type = found.type;
  files_.push_back(std::move(file));
  for (const TokenRun& run : found.runs) add_piece(run.begin, run.count);
}

void TokenFiles::add_piece(std::uint64_t begin, index count) {
  if (count > kMostTokens - size_)
    fail(Exit::data, fmt::format("{}: expected at most {} tokens, found more",
                                 files_.back()->file.path(), kMostTokens));
  pieces_.push_back({files_.size() - 1, begin, size_, count});
  size_ += count;
  bytes_ += static_cast<std::uint64_t>(count * files_.back()->type->bytes);
}

void TokenFiles::limit_ids(index limit, const std::string& reason) {
  limit_ = limit;
  reason_ = reason;
}

void TokenFiles::append_to(std::vector<std::int32_t>& ids, index first, index count) const {
  std::vector<unsigned char> bytes;
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), first,
                                [](index at, const Piece& each) { return at < each.first; }) -
               1;
  for (; count > 0; ++piece) {
    const File& file = *files_[piece->file];
    const auto width = static_cast<std::size_t>(file.type->bytes);
    const index skipped = first - piece->first;
    const index here = std::min(count, piece->count - skipped);
    const std::uint64_t begin = piece->begin + static_cast<std::uint64_t>(skipped) * width;
    bytes.resize(static_cast<std::size_t>(here) * width);
    file.file.read_at(begin, bytes.data(), bytes.size());
    const std::size_t done = ids.size();
    ids.resize(done + static_cast<std::size_t>(here));
    std::int32_t* to = ids.data() + done;
    each_number(bytes.data(), static_cast<std::size_t>(here), *file.type, [&](std::int64_t id) {
      if (id < 0 || id >= limit_)
        refuse(file, begin + (static_cast<std::size_t>(to - ids.data()) - done) * width, id);
      *to++ = static_cast<std::int32_t>(id);
    });
    first += here;
    count -= here;
  }
}

void TokenFiles::refuse(const File& file, std::uint64_t at, std::int64_t id) const {
  fail(Exit::data,
       fmt::format("{}: expected ids from 0 to {} ({}), found {} as {} number {} of the file",
                   file.file.path(), limit_ - 1, reason_, id, file.type->name,
                   (at - file.begin) / static_cast<std::uint64_t>(file.type->bytes)));
}

}  // namespace moesim
