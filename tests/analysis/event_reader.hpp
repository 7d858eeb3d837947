// Reads event files without the code under test: the CRC is computed bit by bit, and messages are
// decoded field by field.
#pragma once

#include "tests/support/catch.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::testing {

struct ReadEvent {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version = {};
  bool starts = false;  // a session
  std::map<std::string, float> scalars = {};
  std::map<std::string, std::string> texts = {};
};

inline std::uint32_t masked_crc_by_bits(std::string_view bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const unsigned char byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((crc ^ (byte >> bit)) & 1) != 0;
      crc >>= 1;
      if (odd) crc ^= 0x82f63b78;
    }
  crc = ~crc;
  return (crc << 17 | crc >> 15) + 0xa282ead8;
}

template <class T>
T plain(std::string_view bytes) {
  T value;
  REQUIRE(bytes.size() >= sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

struct EventField {
  int number = 0;
  std::uint64_t integer = 0;    // of a varint
  std::string_view bytes = {};  // of the others
};

inline std::vector<EventField> fields_of(std::string_view message) {
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE(at < message.size());
      const auto byte = static_cast<unsigned char>(message[at++]);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<EventField> fields;
  while (at < message.size()) {
    const std::uint64_t key = varint();
    EventField field{static_cast<int>(key >> 3)};
    const std::uint64_t type = key & 7;
    if (type == 0) {
      field.integer = varint();
    } else {
      REQUIRE((type == 1 || type == 2 || type == 5));
      const std::size_t size = type == 1 ? 8 : type == 5 ? 4 : varint();
      REQUIRE(size <= message.size() - at);
      field.bytes = message.substr(at, size);
      at += size;
    }
    fields.push_back(field);
  }
  return fields;
}

inline void read_value(std::string_view value, ReadEvent& event) {
  std::string tag;
  for (const EventField& field : fields_of(value)) {
    if (field.number == 1) tag = field.bytes;
    if (field.number == 2) event.scalars[tag] = plain<float>(field.bytes);
    if (field.number == 8)
      for (const EventField& of_tensor : fields_of(field.bytes))
        if (of_tensor.number == 8) event.texts[tag] = of_tensor.bytes;
  }
}

inline ReadEvent read_event(std::string_view message) {
  ReadEvent event;
  for (const EventField& field : fields_of(message)) {
    if (field.number == 1) event.wall_time = plain<double>(field.bytes);
    if (field.number == 2) event.step = static_cast<std::int64_t>(field.integer);
    if (field.number == 3) event.file_version = field.bytes;
    if (field.number == 5)
      for (const EventField& value : fields_of(field.bytes)) read_value(value.bytes, event);
    if (field.number == 7)
      for (const EventField& of_session : fields_of(field.bytes))
        event.starts |= of_session.number == 1 && of_session.integer == 1;
  }
  return event;
}

// All records; their sums are checked, and nothing may be left over.
inline std::vector<ReadEvent> read_events(std::string_view bytes) {
  std::vector<ReadEvent> events;
  while (!bytes.empty()) {
    REQUIRE(bytes.size() >= 16);
    const auto size = plain<std::uint64_t>(bytes);
    REQUIRE(plain<std::uint32_t>(bytes.substr(8)) == masked_crc_by_bits(bytes.substr(0, 8)));
    REQUIRE(size <= bytes.size() - 16);
    const std::string_view data = bytes.substr(12, size);
    REQUIRE(plain<std::uint32_t>(bytes.substr(12 + size)) == masked_crc_by_bits(data));
    events.push_back(read_event(data));
    bytes.remove_prefix(16 + size);
  }
  return events;
}

}  // namespace moesim::testing
