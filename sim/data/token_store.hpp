// TokenStore is a row of token ids in memory, 1, 2 or 4 bytes each as the vocabulary requires; byte
// and most character tokens take one byte.
#pragma once

#include "sim/data/windows.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

class TokenStore final : public TokenRow {
 public:
  explicit TokenStore(index vocabulary)
      : width_(vocabulary <= 1 << 8    ? 1
               : vocabulary <= 1 << 16 ? 2
                                       : 4) {}

  index size() const override { return static_cast<index>(bytes_.size() / width_); }

  // Stored little-endian on every machine.
  void push_back(std::int32_t id) {
    for (std::size_t i = 0; i < width_; ++i)
      bytes_.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(id) >> (8 * i)));
  }

  std::int32_t operator[](index at) const {
    const std::uint8_t* const low = bytes_.data() + static_cast<std::size_t>(at) * width_;
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < width_; ++i) id |= static_cast<std::uint32_t>(low[i]) << (8 * i);
    return static_cast<std::int32_t>(id);
  }

  void append_to(std::vector<std::int32_t>& ids, index first, index count) const override {
    for (index i = first; i < first + count; ++i) ids.push_back((*this)[i]);
  }

 private:
  std::size_t width_;  // bytes of an id
  std::vector<std::uint8_t> bytes_;
};

}  // namespace moesim
