#include "sim/data/encoded.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr std::size_t kStride = 512;  // minimum distance of two marks, in bytes

}  // namespace

double Encoded::bytes_from(index first) const {
  const auto behind = std::lower_bound(
      marks.begin(), marks.end(), first,
      [](const Mark& mark, index tokens_done) { return mark.tokens < tokens_done; });
  if (behind == marks.end()) return 0;
  const Mark before = behind == marks.begin() ? Mark{0, 0} : *(behind - 1);
  const double share = behind->tokens == before.tokens
                           ? 0
                           : static_cast<double>(behind->tokens - first) /
                                 static_cast<double>(behind->tokens - before.tokens);
  return static_cast<double>(marks.back().bytes - behind->bytes) +
         share * static_cast<double>(behind->bytes - before.bytes);
}

Encoded encoded(const Tokenizer& tokenizer, std::string_view text) {
  Encoded result{TokenStore(tokenizer.vocabulary()), 0, {}};
  append_encoded(result, tokenizer, text);
  return result;
}

// Encodes line by line, which is exact: no tokenizer looks beyond the end of a line.
void append_encoded(Encoded& all, const Tokenizer& tokenizer, std::string_view text) {
  const index before = all.marks.empty() ? 0 : all.marks.back().bytes;
  all.characters += character_count(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line = text.find('\n', std::min(at + kStride - 1, text.size()));
    const std::size_t end = line == text.npos ? text.size() : line + 1;
    tokenizer.encode(text.substr(at, end - at), [&](std::int32_t id) { all.tokens.push_back(id); });
    all.marks.push_back({all.tokens.size(), before + static_cast<index>(end)});
    at = end;
  }
}

}  // namespace moesim
