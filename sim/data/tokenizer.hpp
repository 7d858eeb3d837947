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

// 256 tokens, one for every byte.
std::unique_ptr<Tokenizer> byte_tokenizer();

// One token for every code point that occurs in these texts, in the order of the code points. They
// are valid UTF-8.
std::unique_ptr<Tokenizer> character_tokenizer(const std::vector<std::string_view>& texts);

// A SentencePiece model, given by the contents of its file; `path` is for messages. Every line is
// encoded on its own, as such models are trained; line ends are no tokens. A build without the
// library throws (exit 2).
std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& path,
                                                   const std::string& model);

}  // namespace moesim
