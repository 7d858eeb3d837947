// A text as tokens, and how many of its bytes they stand for.
#pragma once

#include "sim/data/token_store.hpp"
#include "sim/data/tokenizer.hpp"

#include <string_view>
#include <vector>

namespace moesim {

struct Encoded {
  // After so many tokens, so many bytes of the text are done.
  struct Mark {
    index tokens, bytes;
  };

  TokenStore tokens;
  index characters = 0;     // other than spaces
  std::vector<Mark> marks;  // at ends of lines, the end of the text among them

  // Bytes of the text for the tokens from `first` on. Between two marks they are shared out evenly,
  // as tokens do not say where in the text they begin; of bytes and ASCII characters that is exact.
  double bytes_from(index first) const;
};

Encoded encoded(const Tokenizer& tokenizer, std::string_view text);

}  // namespace moesim
