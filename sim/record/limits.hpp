// How much of a file that may come from anywhere is believed. A file of 1.4 KB can declare a
// terabyte; deflate makes at most about 1 byte of 1000.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace moesim {

inline constexpr int kMaxRank = 4;
inline constexpr std::uint64_t kMaxObjects = 1024;    // in the root group
inline constexpr std::uint64_t kMaxAttributes = 256;  // of one object
inline constexpr std::uint64_t kMaxChunks = 1 << 18;  // of one variable

// The bytes, as stored, that all variables of a file of this size may declare together.
inline std::uint64_t declarable_bytes(std::uint64_t file_size) {
  constexpr std::uint64_t kMost = std::uint64_t{4} << 30;
  return std::min(kMost, std::min(kMost, file_size) * 1000);
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
