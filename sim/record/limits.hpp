// How much of a file that may come from anywhere is believed. A file of 1.4 KB can declare a
// terabyte; deflate makes at most about 1 byte of 1000.
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
// HDF5 holds one whole chunk in memory, and we a slice of about as much.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{64} << 20;
// What part of a file may bring back, and what its texts may take.
inline constexpr std::uint64_t kMaxExcerpt = std::uint64_t{64} << 20;

inline constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;
// The bytes, as stored, that all variables of a file of this size may declare together, if all of
// them are to be in memory.
inline std::uint64_t declarable_bytes(std::uint64_t file_size) {
  return std::min(kMaxBytes, std::min(kMaxBytes, file_size) * 1000);
}
// The same if they are read slice by slice: what deflate can make of them. Records of many experts
// without tokens come near it, so no smaller limit lets every run file pass.
inline std::uint64_t readable_bytes_of(std::uint64_t file_size) {
  return std::min(UINT64_MAX / 1000, file_size) * 1000;
}
// What this many bytes on disk can become.
inline std::uint64_t inflated_bytes(std::uint64_t stored) {
  constexpr std::uint64_t kRatio = 1032, kSlack = 1 << 20;
  return stored > UINT64_MAX / kRatio - kSlack ? UINT64_MAX : stored * kRatio + kSlack;
}

// What is left of them.
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

// Of a regular file: opening a pipe or a device can block. Throws std::runtime_error.
inline std::uint64_t size_of_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw std::runtime_error("no such file");
  if (!std::filesystem::is_regular_file(status)) throw std::runtime_error("not a file");
  return std::filesystem::file_size(path);
}

// The product of a shape, times the bytes of an element, if the budget affords it. An axis of
// length 0 makes the product 0 whatever the others say, so it counts as 1.
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
