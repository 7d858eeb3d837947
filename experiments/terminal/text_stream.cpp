#include "experiments/terminal/text_stream.hpp"

#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace moesim {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// A piece of a text: a character, or the bytes that one U+FFFD replaces.
struct Piece {
  std::size_t bytes = 1;
  char32_t value = 0xfffd;
  bool valid = false, cut = false;  // cut: the text ends inside a valid prefix
};

Piece piece_at(std::string_view text, std::size_t at) {
  if (const CodePoint point = code_point(text, at); point.bytes > 0)
    return {static_cast<std::size_t>(point.bytes), point.value, true, false};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0xc2 || lead > 0xf4) return {};
  const std::size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  // Table 3-7 of Unicode 15 restricts the second byte after four lead bytes.
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  std::size_t good = 1;
  while (good < whole && at + good < text.size() && byte(good) >= (good == 1 ? low : 0x80) &&
         byte(good) <= (good == 1 ? high : 0xbf))
    ++good;
  return {good, 0xfffd, false, at + good == text.size()};
}

bool may_steer(char32_t value) {
  return (value < 0x20 && value != '\n' && value != '\t') || (value >= 0x7f && value < 0xa0);
}

}  // namespace

std::string valid_utf8(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const Piece piece = piece_at(text, at);
    result += piece.valid ? std::string_view(text).substr(at, piece.bytes) : kReplacement;
    at += piece.bytes;
  }
  return result;
}

void TextStream::show(const std::string& text, bool last) {
  while (shown_ < text.size()) {
    const Piece piece = piece_at(text, shown_);
    if (piece.cut && !last) break;
    const std::string_view bytes = std::string_view(text).substr(shown_, piece.bytes);
    if (terminal_ && piece.valid && may_steer(piece.value))
      for (const char c : bytes) out_ << fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out_ << (piece.valid ? bytes : kReplacement);
    shown_ += piece.bytes;
  }
  out_ << std::flush;
}

}  // namespace moesim
