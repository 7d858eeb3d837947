// Defines limits on what an untrusted run file may declare. A file of 1.4 KB can declare a
// terabyte;
// deflate compresses at most about 1000-fold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace moesim {

inline constexpr int kMaxRank = 4;
inline constexpr std::uint64_t kMaxObjects = 1024;    // in the root group
inline constexpr std::uint64_t kMaxAttributes = 256;  // of one object
inline constexpr std::uint64_t kMaxChunks = 1 << 22;  // of one variable
// HDF5 holds one whole chunk in memory, and the reader a slice of about the same size.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{64} << 20;
// The most bytes of an excerpt, and of its texts.
inline constexpr std::uint64_t kMaxExcerpt = std::uint64_t{64} << 20;

inline constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;
// The most bytes that all variables of a file of this size may declare together, if all are read
// into memory.
inline std::uint64_t declarable_bytes(std::uint64_t file_size) {
  return std::min(kMaxBytes, std::min(kMaxBytes, file_size) * 1000);
}
// The same if they are read slice by slice: the most that deflate can expand to. Records of many
// experts without tokens come close to it, so a smaller limit would refuse valid run files.
inline std::uint64_t readable_bytes_of(std::uint64_t file_size) {
  return std::min(UINT64_MAX / 1000, file_size) * 1000;
}
// The most bytes that `stored` bytes on disk can inflate to.
inline std::uint64_t inflated_bytes(std::uint64_t stored) {
  constexpr std::uint64_t kRatio = 1032, kSlack = 1 << 20;
  return stored > UINT64_MAX / kRatio - kSlack ? UINT64_MAX : stored * kRatio + kSlack;
}

// Budget is the remaining part of such a limit.
class Budget {
 public:
  explicit Budget(std::uint64_t bytes) : left_(bytes) {}

  bool affords(std::uint64_t bytes) const { return bytes <= left_; }
  void charge(std::uint64_t bytes) {
    if (!affords(bytes)) throw std::runtime_error("declares more data than its size can hold");
    left_ -= bytes;
  }

 private:
  std::uint64_t left_;
};

// The size of a regular file. Throws std::runtime_error for pipes and devices, which could block.
inline std::uint64_t size_of_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw std::runtime_error("no such file");
  if (!std::filesystem::is_regular_file(status)) throw std::runtime_error("not a file");
  return std::filesystem::file_size(path);
}

// The bytes of an array of this shape, if the budget affords them. An axis of length 0 counts as 1:
// otherwise the product would be 0 however large the other axes are.
template <class Size>
std::uint64_t bytes_of(const std::vector<Size>& shape, std::uint64_t bytes_each,
                       const Budget& budget) {
  std::uint64_t bytes = bytes_each;
  for (const Size size : shape) {
    const std::uint64_t length = std::max<std::uint64_t>(size, 1);
    if (bytes > UINT64_MAX / length || !budget.affords(bytes * length))
      throw std::runtime_error("declares more data than its size can hold");
    bytes *= length;
  }
  return bytes;
}

}  // namespace moesim
