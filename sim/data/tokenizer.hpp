// Tokenizer converts text to token ids and back: bytes, characters or SentencePiece.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual index vocabulary() const = 0;
  // The unknown token, for text without a token in the vocabulary; -1 if there is none.
  virtual std::int32_t unknown() const { return -1; }
  // Number of characters of a token, without spaces; 0 for unknown(), which replaces any number.
  virtual index characters(std::int32_t) const { return 1; }
  // Calls take(id) for each token of the text, so that a large text needs no second array.
  virtual void encode(std::string_view text,
                      const std::function<void(std::int32_t)>& take) const = 0;
  virtual std::string decode(const std::vector<std::int32_t>& ids) const = 0;
  // How many of the first ids decode to text that no following id can change.
  virtual std::size_t settled(const std::vector<std::int32_t>& ids) const { return ids.size(); }
  // Its name in data.tokens, and the data that define it: the characters, or the model file.
  virtual std::string kind() const = 0;
  virtual std::string content() const { return {}; }
};

// Reconstructs a tokenizer from kind() and content(). Throws Exit::data, or a JSON exception, if they
// are invalid; `path` is for messages.
std::unique_ptr<Tokenizer> make_tokenizer(const std::string& kind, const std::string& content,
                                          const std::string& path);

// CodePoint is a code point and its length in bytes; length 0: invalid UTF-8.
struct CodePoint {
  char32_t value = 0;
  int bytes = 0;
};
// The code point that begins at text[at].
CodePoint code_point(std::string_view text, std::size_t at);

// The offset of the first byte that is not valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

// Number of characters of UTF-8 text, without spaces, tabs and line ends.
index character_count(std::string_view text);

// 256 tokens, one for every byte.
std::unique_ptr<Tokenizer> byte_tokenizer();

// One token for every code point in these texts, sorted by code point. The texts must be valid
// UTF-8.
std::unique_ptr<Tokenizer> character_tokenizer(const std::vector<std::string_view>& texts);

// The longest line in bytes that SentencePiece encodes at once; longer lines are split, because its
// memory is proportional to the text.
inline constexpr std::size_t kSentencePieceBytes = std::size_t{32} << 10;

// A SentencePiece tokenizer; `model` is the contents of its file, `path` is for messages. It
// encodes each line separately, as in training of such models, and line ends have no tokens. A line
// longer than `longest` bytes is cut at the last space before that, which changes no id if no piece
// of the model spans a space (the trainer's default); without a space, at a character, which may
// change the ids next to the cut. A build without the library throws (exit 2).
std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& path,
                                                   const std::string& model,
                                                   std::size_t longest = kSentencePieceBytes);

}  // namespace moesim
