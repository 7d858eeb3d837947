// NumberType is a storage type of numbers in arrays of other programs.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace moesim {

struct NumberType {
  enum class Kind { u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };
  const char* name;
  const char* numpy;  // code in a .npy file, after the byte order; "": none
  const char* safetensors;
  Kind kind;
  int bytes;

  bool is_integer() const { return kind < Kind::f16; }
};

inline constexpr NumberType kNumberTypes[] = {
    {"uint8", "u1", "U8", NumberType::Kind::u8, 1},
    {"int8", "i1", "I8", NumberType::Kind::i8, 1},
    {"uint16", "u2", "U16", NumberType::Kind::u16, 2},
    {"int16", "i2", "I16", NumberType::Kind::i16, 2},
    {"uint32", "u4", "U32", NumberType::Kind::u32, 4},
    {"int32", "i4", "I32", NumberType::Kind::i32, 4},
    {"uint64", "u8", "U64", NumberType::Kind::u64, 8},
    {"int64", "i8", "I64", NumberType::Kind::i64, 8},
    {"float16", "f2", "F16", NumberType::Kind::f16, 2},
    {"bfloat16", "", "BF16", NumberType::Kind::bf16, 2},
    {"float32", "f4", "F32", NumberType::Kind::f32, 4},
    {"float64", "f8", "F64", NumberType::Kind::f64, 8},
};

// The number of a half: 1 bit of sign, 5 of exponent, 10 of fraction.
inline float number_of_half(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  float size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                             : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  if (exponent == 31)
    size = fraction == 0 ? std::numeric_limits<float>::infinity()
                         : std::numeric_limits<float>::quiet_NaN();
  return half >> 15 != 0 ? -size : size;
}

// Returns visit(get), where get(bytes, i) is number i: an integer of 64 bits (those above 2^63 - 1
// become that), or a floating-point number.
template <class Visit>
auto with_numbers(NumberType::Kind kind, const Visit& visit) {
  const auto at = []<class Stored>(Stored, const char* bytes, std::size_t i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof stored, sizeof stored);
    return stored;
  };
  const auto plain = [&at, &visit]<class Stored>(Stored none) {
    return visit([at, none](const char* bytes, std::size_t i) {
      const Stored stored = at(none, bytes, i);
      if constexpr (std::is_floating_point_v<Stored>)
        return stored;
      else if constexpr (std::is_same_v<Stored, std::uint64_t>)
        return static_cast<std::int64_t>(stored >> 63 != 0 ? ~std::uint64_t{0} >> 1 : stored);
      else
        return static_cast<std::int64_t>(stored);
    });
  };
  switch (kind) {
    case NumberType::Kind::u8:
      return plain(std::uint8_t{});
    case NumberType::Kind::i8:
      return plain(std::int8_t{});
    case NumberType::Kind::u16:
      return plain(std::uint16_t{});
    case NumberType::Kind::i16:
      return plain(std::int16_t{});
    case NumberType::Kind::u32:
      return plain(std::uint32_t{});
    case NumberType::Kind::i32:
      return plain(std::int32_t{});
    case NumberType::Kind::u64:
      return plain(std::uint64_t{});
    case NumberType::Kind::i64:
      return plain(std::int64_t{});
    case NumberType::Kind::f16:
      return visit([at](const char* bytes, std::size_t i) {
        return number_of_half(at(std::uint16_t{}, bytes, i));
      });
    case NumberType::Kind::bf16:
      return visit([at](const char* bytes, std::size_t i) {
        return std::bit_cast<float>(std::uint32_t{at(std::uint16_t{}, bytes, i)} << 16);
      });
    case NumberType::Kind::f32:
      return plain(float{});
    default:
      return plain(double{});
  }
}

}  // namespace moesim
