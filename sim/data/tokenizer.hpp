// Text to token ids and back.
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
  // The token of everything that the vocabulary has no token for; -1 if there is no such thing.
  virtual std::int32_t unknown() const { return -1; }
  // How many characters other than spaces a token stands for; 0 for unknown(), which stands for any
  // number of them.
  virtual index characters(std::int32_t) const { return 1; }
  // Gives the ids of the text one by one, so that a large text needs no second array.
  virtual void encode(std::string_view text,
                      const std::function<void(std::int32_t)>& take) const = 0;
  virtual std::string decode(const std::vector<std::int32_t>& ids) const = 0;
  // How many of the first ids decode to text that stays as it is, whatever id follows.
  virtual std::size_t settled(const std::vector<std::int32_t>& ids) const { return ids.size(); }
  // What data.tokens calls it, and all else that it is made from: the characters, the model.
  virtual std::string kind() const = 0;
  virtual std::string content() const { return {}; }
};

// The tokeniser of that kind and content. Throws Exit::data if there is none; `path` is for
// messages.
std::unique_ptr<Tokenizer> make_tokenizer(const std::string& kind, const std::string& content,
                                          const std::string& path);

// The code point that begins at text[at] and how many bytes it takes: 0 if that is no valid UTF-8.
struct CodePoint {
  char32_t value = 0;
  int bytes = 0;
};
CodePoint code_point(std::string_view text, std::size_t at);

// The offset of the first byte that is no valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

// Characters of UTF-8 text other than spaces, tabs and line ends.
index character_count(std::string_view text);

// 256 tokens, one for every byte.
std::unique_ptr<Tokenizer> byte_tokenizer();

// One token for every code point that occurs in these texts, in the order of the code points. They
// are valid UTF-8.
std::unique_ptr<Tokenizer> character_tokenizer(const std::vector<std::string_view>& texts);

// A line up to so many bytes is given to SentencePiece as a whole. It takes memory for every
// character of what it encodes at once, so a longer line is encoded piece by piece.
inline constexpr std::size_t kSentencePieceBytes = std::size_t{32} << 10;

// A SentencePiece model, given by the contents of its file; `path` is for messages. Every line is
// encoded on its own, as such models are trained; line ends are no tokens. A line of more than
// `longest` bytes is cut at the last space before that many, which changes no id if no piece of the
// model spans a space (the default of its trainer); where there is none, at a whole character,
// which may change the ids next to the cut. A build without the library throws (exit 2).
std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& path,
                                                   const std::string& model,
                                                   std::size_t longest = kSentencePieceBytes);

}  // namespace moesim
