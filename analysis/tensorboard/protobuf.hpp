// Message encodes a protocol buffer message field by field.
//
// A field is its key, number << 3 | wire type, and its value: a varint (type 0: seven bits per
// byte, lowest first, top bit set in all but the last), 8 or 4 little-endian bytes (types 1 and 5),
// or a length as a varint and that many bytes (type 2: text, bytes and messages).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

class Message {
 public:
  Message& integer(int field, std::int64_t value);  // int64 and enums; ten bytes if negative
  Message& real(int field, double value);
  Message& real(int field, float value);
  Message& text(int field, std::string_view value);
  Message& message(int field, const Message& value) { return text(field, value.bytes()); }

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void key(int field, unsigned type);

  std::string bytes_;
};

// Returns the `count` lowest bytes of a number, lowest first.
std::string little_endian(std::uint64_t value, int count);

}  // namespace moesim
