// IdType is a storage type of token ids and labels in files: little-endian integers of 1 to 8
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace moesim {

struct IdType {
  const char* name;   // in options and messages
  const char* numpy;  // code in the header of a .npy file, after the byte order
  int megatron;       // code in the header of an .idx file; 0: none
  int bytes;
  bool is_signed;
};

inline constexpr IdType kIdTypes[] = {
    {"uint8", "u1", 1, 1, false},  {"int8", "i1", 2, 1, true},    {"uint16", "u2", 8, 2, false},
    {"int16", "i2", 3, 2, true},   {"uint32", "u4", 0, 4, false}, {"int32", "i4", 4, 4, true},
    {"uint64", "u8", 0, 8, false}, {"int64", "i8", 5, 8, true},
};

// The type of this name, or null.
constexpr const IdType* id_type_named(std::string_view name) {
  for (const IdType& type : kIdTypes)
    if (name == type.name) return &type;
  return nullptr;
}

// Decodes a number of kBytes bytes. Unsigned numbers above 2^63 - 1 are clamped to it; they are
// invalid as ids in any case.
template <int kBytes>
std::int64_t number_of(const unsigned char* low, bool is_signed) {
  std::uint64_t value = 0;
  for (int i = kBytes; i-- > 0;) value = value << 8 | low[i];
  constexpr int kUnused = 64 - 8 * kBytes;
  if (is_signed) return static_cast<std::int64_t>(value << kUnused) >> kUnused;
  return value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
             ? std::numeric_limits<std::int64_t>::max()
             : static_cast<std::int64_t>(value);
}

// Calls visit(number) for each of `count` numbers.
template <class Visit>
void each_number(const unsigned char* low, std::size_t count, const IdType& type,
                 const Visit& visit) {
  const auto run = [&]<int kBytes>() {
    for (std::size_t i = 0; i < count; ++i)
      visit(number_of<kBytes>(low + kBytes * i, type.is_signed));
  };
  switch (type.bytes) {
    case 1:
      return run.template operator()<1>();
    case 2:
      return run.template operator()<2>();
    case 4:
      return run.template operator()<4>();
    default:
      return run.template operator()<8>();
  }
}

inline std::int64_t number_at(const unsigned char* low, const IdType& type) {
  std::int64_t number = 0;
  each_number(low, 1, type, [&](std::int64_t value) { number = value; });
  return number;
}

}  // namespace moesim
