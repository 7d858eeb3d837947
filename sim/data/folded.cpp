#include "sim/data/folded.hpp"

#include "sim/data/tokenizer.hpp"

namespace moesim {
namespace {

bool is_space(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x3000;
}

// Lower-case letters are in U+0061 to U+052F: one or two bytes.
void append_letter(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  text += static_cast<char>(0xC0 | c >> 6);
  text += static_cast<char>(0x80 | (c & 0x3F));
}

}  // namespace

char32_t lower_case(char32_t c) {
  const auto within = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (within('A', 'Z')) return c + 32;
  if (c < 0xC0 || c > 0x4BF) return c;
  if (within(0xC0, 0xDE)) return c == 0xD7 ? c : c + 32;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  // Capital and small letters alternate: capitals are even, then odd.
  if (within(0x100, 0x137) || within(0x14A, 0x177) || within(0x460, 0x481) || within(0x48A, 0x4BF))
    return c % 2 == 0 ? c + 1 : c;
  if (within(0x139, 0x148) || within(0x179, 0x17E)) return c % 2 == 1 ? c + 1 : c;
  if (c == 0x386) return 0x3AC;
  if (within(0x388, 0x38A)) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (within(0x38E, 0x38F)) return c + 63;
  if (within(0x391, 0x3AB)) return c == 0x3A2 ? c : c + 32;
  if (within(0x400, 0x40F)) return c + 80;
  if (within(0x410, 0x42F)) return c + 32;
  return c;
}

Folded fold(std::string_view text) {
  Folded folded;
  folded.text.reserve(text.size());
  bool space = false;  // before the next character
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point(text, at);
    const std::size_t bytes = point.bytes > 0 ? static_cast<std::size_t>(point.bytes) : 1;
    const std::string_view as_it_is = text.substr(at, bytes);
    at += bytes;
    if (point.bytes > 0 && is_space(point.value)) {
      space = !folded.text.empty();
      continue;
    }
    if (space) folded.begin.push_back(folded.text.size()), folded.text += ' ';
    space = false;
    folded.begin.push_back(folded.text.size());
    if (const char32_t lower = lower_case(point.value); point.bytes > 0 && lower != point.value)
      append_letter(folded.text, lower);
    else
      folded.text += as_it_is;
  }
  folded.begin.push_back(folded.text.size());
  return folded;
}

}  // namespace moesim
