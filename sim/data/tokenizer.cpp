#include "sim/data/tokenizer.hpp"

#include "sim/core/error.hpp"
#include "sim/data/task_tokenizer.hpp"

#include <algorithm>
#include <map>

namespace moesim {
namespace {

constexpr std::size_t kCodePoints = 0x110000;

class ByteTokenizer final : public Tokenizer {
 public:
  index vocabulary() const override { return 256; }
  std::string kind() const override { return "bytes"; }

  void encode(std::string_view text, const std::function<void(std::int32_t)>& take) const override {
    for (const char c : text) take(static_cast<unsigned char>(c));
  }

  std::string decode(const std::vector<std::int32_t>& ids) const override {
    return {ids.begin(), ids.end()};
  }
};

class CharacterTokenizer final : public Tokenizer {
 public:
  explicit CharacterTokenizer(const std::vector<std::string_view>& texts) : ids_(kCodePoints, -1) {
    std::map<char32_t, std::string> characters;
    for (const std::string_view text : texts) {
      for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = code_point(text, at);
        if (ids_[point.value] < 0) {
          ids_[point.value] = 0;
          characters[point.value] = text.substr(at, point.bytes);
        }
        at += point.bytes;
      }
    }
    for (const auto& [value, character] : characters) {
      ids_[value] = static_cast<std::int32_t>(characters_.size());
      characters_.push_back(character);
    }
  }

  index vocabulary() const override { return static_cast<index>(characters_.size()); }
  std::string kind() const override { return "chars"; }
  std::string content() const override {
    std::string all;
    for (const std::string& character : characters_) all += character;
    return all;
  }

  void encode(std::string_view text, const std::function<void(std::int32_t)>& take) const override {
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint point = code_point(text, at);
      if (point.bytes == 0 || ids_[point.value] < 0)
        fail(Exit::data,
             "the character at byte " + std::to_string(at) + " is not in the vocabulary");
      take(ids_[point.value]);
      at += point.bytes;
    }
  }

  std::string decode(const std::vector<std::int32_t>& ids) const override {
    std::string text;
    for (const std::int32_t id : ids) text += characters_.at(id);
    return text;
  }

 private:
  std::vector<std::int32_t> ids_;        // by code point; -1: none
  std::vector<std::string> characters_;  // by id, in UTF-8
};

}  // namespace

// Strict (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF.
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const int bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < static_cast<std::size_t>(bytes)) return {};
  char32_t value = lead & (0x7Fu >> bytes);
  for (int i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3F);
  }
  const char32_t least = bytes == 4 ? 0x10000 : bytes == 3 ? 0x800 : 0x80;
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least || value >= kCodePoints || surrogate) return {};
  return {value, bytes};
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point(text, at);
    if (point.bytes == 0) return at;
    at += point.bytes;
  }
  return std::string_view::npos;
}

index character_count(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (c & 0xC0) != 0x80 && c != ' ' && c != '\t' && c != '\n' && c != '\r';
  });
}

std::unique_ptr<Tokenizer> make_tokenizer(const std::string& kind, const std::string& content,
                                          const std::string& path) {
  if (kind == "bytes") return byte_tokenizer();
  if (kind == "sentencepiece") return sentencepiece_tokenizer(path, content);
  if (kind == TaskTokenizer::kKind) return TaskTokenizer::from(content, path);
  if (kind != "chars" || find_invalid_utf8(content) != std::string_view::npos)
    fail(Exit::data, path + ": no tokeniser that this build knows");
  return character_tokenizer({content});
}

std::unique_ptr<Tokenizer> byte_tokenizer() { return std::make_unique<ByteTokenizer>(); }

std::unique_ptr<Tokenizer> character_tokenizer(const std::vector<std::string_view>& texts) {
  return std::make_unique<CharacterTokenizer>(texts);
}

}  // namespace moesim
