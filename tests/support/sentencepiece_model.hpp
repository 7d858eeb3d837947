// Writes a small SentencePiece model with byte fallback: a ModelProto of sentencepiece_model.proto
// (github.com/google/sentencepiece), encoded by hand.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <string>

namespace moesim::testing {

inline constexpr unsigned kSmallModelFirstByte = 3;  // the id of the piece <0x00>

// <unk>, <s>, </s>, 256 bytes, then a few letters with and without a space before them.
inline std::string small_sentencepiece_model() {
  enum Type { normal = 1, unknown = 2, control = 3, byte = 6 };
  const auto field = [](int number, const std::string& bytes) {  // fewer than 128 of them
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
  };
  std::string model;
  const auto piece = [&](const std::string& text, float score, Type type) {
    std::string value(sizeof score, '\0');
    std::memcpy(value.data(), &score, sizeof score);
    model += field(1, field(1, text) + std::string{2 << 3 | 5} + value +
                          std::string{3 << 3 | 0, static_cast<char>(type)});
  };
  piece("<unk>", 0, unknown);
  piece("<s>", 0, control);
  piece("</s>", 0, control);
  for (int value = 0; value < 256; ++value) piece(fmt::format("<0x{:02X}>", value), 0, byte);
  const std::string space = "\xe2\x96\x81";
  float score = -1;
  for (const char* text : {"", "a", "b", "c", "the"}) {
    piece(space + text, score, normal);
    if (*text != '\0') piece(text, score - 0.5f, normal);
    score -= 1;
  }
  // trainer_spec: model_type (3) = unigram (1), byte_fallback (35) = true.
  model += field(2, std::string{3 << 3 | 0, 1} + std::string{'\x98', '\x02', 1});
  // normalizer_spec: name (1) = identity; a space before the text, as by default.
  model += field(3, field(1, "identity"));
  return model;
}

}  // namespace moesim::testing
