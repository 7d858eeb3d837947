#include "sim/record/block_store.hpp"

#include "sim/core/error.hpp"
#include "sim/io/publish.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

constexpr std::size_t kLeaf = 32;
constexpr std::uint64_t kSlice = 1 << 20;

// Header of each chunk: lengths of name and chunk, leaf of the digest, name.
struct Header {
  std::uint32_t name = 0, chunk = 0;
};
constexpr std::uint32_t kLongestName = 96;

}  // namespace

BlockStore::BlockStore(std::string path, std::uint64_t bytes)
    : path_(std::move(path)), size_(bytes) {}

BlockStore::~BlockStore() {
  if (file_ >= 0) ::close(file_);
}

void BlockStore::open() {
  if (path_.empty() || file_ >= 0) return;
  std::error_code error;
  std::filesystem::create_directory(std::filesystem::path(path_).parent_path(), error);
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | (size_ == 0 ? O_TRUNC : 0), 0666);
  // The rest belongs to steps that will be trained again.
  if (file_ < 0 || (size_ > 0 && ::ftruncate(file_, static_cast<off_t>(size_)) != 0) ||
      ::lseek(file_, static_cast<off_t>(size_), SEEK_SET) < 0)
    cannot_write(path_, errno);
}

RowBlock BlockStore::add(const std::string& variable, const std::string& leaf,
                         std::string_view chunk) {
  const Header header{static_cast<std::uint32_t>(variable.size()),
                      static_cast<std::uint32_t>(chunk.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += leaf;
  bytes += variable;
  const RowBlock block{size_ + bytes.size(), header.chunk, leaf};
  bytes += chunk;
  if (path_.empty()) {
    memory_ += bytes;
  } else {
    open();
    if (const int reason = write_all(file_, bytes); reason != 0) cannot_write(path_, reason);
  }
  size_ += bytes.size();
  return block;
}

std::string BlockStore::bytes_at(std::uint64_t offset, std::uint64_t size) const {
  if (path_.empty()) return memory_.substr(offset, size);
  std::string bytes(size, '\0');
  int file = file_;
  if (file < 0) file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  std::size_t done = 0;
  while (file >= 0 && done < size) {
    const ssize_t count =
        ::pread(file, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  if (file >= 0 && file != file_) ::close(file);
  if (done < size) fail(Exit::data, path_ + ": shorter than it was; recorded values are lost");
  return bytes;
}

std::string BlockStore::read(const RowBlock& block) const {
  return bytes_at(block.offset, block.bytes);
}

std::map<std::string, std::vector<RowBlock>> BlockStore::blocks() const {
  std::map<std::string, std::vector<RowBlock>> all;
  for (std::uint64_t at = 0; at < size_;) {
    Header header;
    const std::uint64_t least = sizeof header + kLeaf;
    if (size_ - at >= least) {
      const std::string bytes = bytes_at(at, least);
      std::memcpy(&header, bytes.data(), sizeof header);
      const std::uint64_t whole = least + header.name + header.chunk;
      if (header.name > 0 && header.name <= kLongestName && whole <= size_ - at) {
        all[bytes_at(at + least, header.name)].push_back(
            {at + least + header.name, header.chunk, bytes.substr(sizeof header)});
        at += whole;
        continue;
      }
    }
    fail(Exit::data, path_ + ": damaged (no block at byte " + std::to_string(at) + ")");
  }
  return all;
}

std::string BlockStore::sha256() {
  while (summed_ < size_) {
    const std::uint64_t size = std::min(kSlice, size_ - summed_);
    sum_.add(bytes_at(summed_, size));
    summed_ += size;
  }
  return sum_.hex();
}

void BlockStore::sync() {
  if (file_ < 0) return;
  if (const int reason = sync_file(file_, path_); reason != 0) cannot_write(path_, reason);
}

}  // namespace moesim
