// The types that token ids and labels are stored in: whole numbers of 1 to 8 bytes, the low byte
// first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace moesim {

struct IdType {
  const char* name;   // in options and messages
  const char* numpy;  // in the header of a .npy file, behind the byte order
  int megatron;       // in the header of an .idx file; 0: none
  int bytes;
  bool is_signed;
};

inline constexpr IdType kIdTypes[] = {
    {"uint8", "u1", 1, 1, false},  {"int8", "i1", 2, 1, true},    {"uint16", "u2", 8, 2, false},
    {"int16", "i2", 3, 2, true},   {"uint32", "u4", 0, 4, false}, {"int32", "i4", 4, 4, true},
    {"uint64", "u8", 0, 8, false}, {"int64", "i8", 5, 8, true},
};

// Null if there is none.
constexpr const IdType* id_type_named(std::string_view name) {
  for (const IdType& type : kIdTypes)
    if (name == type.name) return &type;
  return nullptr;
}

// Numbers above those of 63 bits come as the largest of these, which is no id either.
inline std::int64_t number_at(const unsigned char* low, const IdType& type) {
  std::uint64_t value = 0;
  for (int i = type.bytes; i-- > 0;) value = value << 8 | low[i];
  if (!type.is_signed)
    return value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
               ? std::numeric_limits<std::int64_t>::max()
               : static_cast<std::int64_t>(value);
  const int unused = 64 - 8 * type.bytes;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace moesim
