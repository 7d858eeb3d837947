// Encoded is a tokenized text that also maps token positions to bytes of the text.
#pragma once

#include "sim/data/token_store.hpp"
#include "sim/data/tokenizer.hpp"

#include <string_view>
#include <vector>

namespace moesim {

struct Encoded {
  // The first `tokens` tokens encode the first `bytes` bytes of the text.
  struct Mark {
    index tokens, bytes;
  };

  TokenStore tokens;
  index characters = 0;     // of the text, without spaces
  std::vector<Mark> marks;  // at ends of lines, including the end of the text

  // Bytes of the text that the tokens from `first` on encode. Interpolates linearly between marks,
  // because tokens have no positions in the text; exact for byte tokens and ASCII characters.
  double bytes_from(index first) const;
};

// Tokenizes a text.
Encoded encoded(const Tokenizer& tokenizer, std::string_view text);

// Tokenizes the text behind `all`.
void append_encoded(Encoded& all, const Tokenizer& tokenizer, std::string_view text);

}  // namespace moesim
