#include "sim/data/folded.hpp"

#include "sim/data/tokenizer.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace moesim {
namespace {

bool is_space(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x3000;
}

// Capitals is a stretch of capital letters, each `step`-th code point from `first` to `last`; `to_small`
// is added to each.
struct Capitals {
  char32_t first, last, step;
  std::int32_t to_small;
};

// In order, the simple mappings of Unicode (UnicodeData.txt, field 13).
constexpr Capitals kCapitals[] = {
    {0x41, 0x5A, 1, 32},      {0xC0, 0xD6, 1, 32},     {0xD8, 0xDE, 1, 32},
    {0x100, 0x12E, 2, 1},     {0x130, 0x130, 1, -199}, {0x132, 0x136, 2, 1},
    {0x139, 0x147, 2, 1},     {0x14A, 0x176, 2, 1},    {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},     {0x181, 0x181, 1, 210},  {0x182, 0x184, 2, 1},
    {0x186, 0x186, 1, 206},   {0x187, 0x187, 1, 1},    {0x189, 0x18A, 1, 205},
    {0x18B, 0x18B, 1, 1},     {0x18E, 0x18E, 1, 79},   {0x18F, 0x18F, 1, 202},
    {0x190, 0x190, 1, 203},   {0x191, 0x191, 1, 1},    {0x193, 0x193, 1, 205},
    {0x194, 0x194, 1, 207},   {0x196, 0x196, 1, 211},  {0x197, 0x197, 1, 209},
    {0x198, 0x198, 1, 1},     {0x19C, 0x19C, 1, 211},  {0x19D, 0x19D, 1, 213},
    {0x19F, 0x19F, 1, 214},   {0x1A0, 0x1A4, 2, 1},    {0x1A6, 0x1A6, 1, 218},
    {0x1A7, 0x1A7, 1, 1},     {0x1A9, 0x1A9, 1, 218},  {0x1AC, 0x1AC, 1, 1},
    {0x1AE, 0x1AE, 1, 218},   {0x1AF, 0x1AF, 1, 1},    {0x1B1, 0x1B2, 1, 217},
    {0x1B3, 0x1B5, 2, 1},     {0x1B7, 0x1B7, 1, 219},  {0x1B8, 0x1B8, 1, 1},
    {0x1BC, 0x1BC, 1, 1},     {0x1C4, 0x1C4, 1, 2},    {0x1C5, 0x1C5, 1, 1},
    {0x1C7, 0x1C7, 1, 2},     {0x1C8, 0x1C8, 1, 1},    {0x1CA, 0x1CA, 1, 2},
    {0x1CB, 0x1DB, 2, 1},     {0x1DE, 0x1EE, 2, 1},    {0x1F1, 0x1F1, 1, 2},
    {0x1F2, 0x1F4, 2, 1},     {0x1F6, 0x1F6, 1, -97},  {0x1F7, 0x1F7, 1, -56},
    {0x1F8, 0x21E, 2, 1},     {0x220, 0x220, 1, -130}, {0x222, 0x232, 2, 1},
    {0x23A, 0x23A, 1, 10795}, {0x23B, 0x23B, 1, 1},    {0x23D, 0x23D, 1, -163},
    {0x23E, 0x23E, 1, 10792}, {0x241, 0x241, 1, 1},    {0x243, 0x243, 1, -195},
    {0x244, 0x244, 1, 69},    {0x245, 0x245, 1, 71},   {0x246, 0x24E, 2, 1},
    {0x370, 0x372, 2, 1},     {0x376, 0x376, 1, 1},    {0x37F, 0x37F, 1, 116},
    {0x386, 0x386, 1, 38},    {0x388, 0x38A, 1, 37},   {0x38C, 0x38C, 1, 64},
    {0x38E, 0x38F, 1, 63},    {0x391, 0x3A1, 1, 32},   {0x3A3, 0x3AB, 1, 32},
    {0x3CF, 0x3CF, 1, 8},     {0x3D8, 0x3EE, 2, 1},    {0x3F4, 0x3F4, 1, -60},
    {0x3F7, 0x3F7, 1, 1},     {0x3F9, 0x3F9, 1, -7},   {0x3FA, 0x3FA, 1, 1},
    {0x3FD, 0x3FF, 1, -130},  {0x400, 0x40F, 1, 80},   {0x410, 0x42F, 1, 32},
    {0x460, 0x480, 2, 1},     {0x48A, 0x4BE, 2, 1},    {0x4C0, 0x4C0, 1, 15},
    {0x4C1, 0x4CD, 2, 1},     {0x4D0, 0x52E, 2, 1}};

// Lower-case letters are in U+0061 to U+2C66: up to three bytes.
void append_letter(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
  } else {
    text += static_cast<char>(0xE0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
  }
  text += static_cast<char>(0x80 | (c & 0x3F));
}

}  // namespace

char32_t lower_case(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const auto* const row =
      std::lower_bound(std::begin(kCapitals), std::end(kCapitals), c,
                       [](const Capitals& each, char32_t value) { return each.last < value; });
  if (row == std::end(kCapitals) || c < row->first || (c - row->first) % row->step != 0) return c;
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + row->to_small);
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
