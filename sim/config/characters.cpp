#include "sim/config/characters.hpp"

#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace moesim::config {
namespace {

enum class Kind {
  hidden,  // invisible and never needed
  joiner,  // invisible, but part of words in some scripts
  blank,
  dash,
  quote,
  other,
};

struct Known {
  char32_t first, last;
  Kind kind;
  const char* name;  // the Unicode name; for a range, the common part of its names
};

// Sorted by code point. Names: The Unicode Standard, UnicodeData.txt.
constexpr Known kKnown[] = {
    {0xa0, 0xa0, Kind::blank, "NO-BREAK SPACE"},
    {0xab, 0xab, Kind::quote, "LEFT-POINTING DOUBLE ANGLE QUOTATION MARK"},
    {0xad, 0xad, Kind::hidden, "SOFT HYPHEN"},
    {0xb4, 0xb4, Kind::quote, "ACUTE ACCENT"},
    {0xbb, 0xbb, Kind::quote, "RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK"},
    {0xd7, 0xd7, Kind::other, "MULTIPLICATION SIGN"},
    {0x34f, 0x34f, Kind::hidden, "COMBINING GRAPHEME JOINER"},
    {0x61c, 0x61c, Kind::hidden, "ARABIC LETTER MARK"},
    {0x66b, 0x66b, Kind::other, "ARABIC DECIMAL SEPARATOR"},
    {0x66c, 0x66c, Kind::other, "ARABIC THOUSANDS SEPARATOR"},
    {0x115f, 0x115f, Kind::hidden, "HANGUL CHOSEONG FILLER"},
    {0x1160, 0x1160, Kind::hidden, "HANGUL JUNGSEONG FILLER"},
    {0x1680, 0x1680, Kind::blank, "OGHAM SPACE MARK"},
    {0x180e, 0x180e, Kind::hidden, "MONGOLIAN VOWEL SEPARATOR"},
    {0x2000, 0x2000, Kind::blank, "EN QUAD"},
    {0x2001, 0x2001, Kind::blank, "EM QUAD"},
    {0x2002, 0x2002, Kind::blank, "EN SPACE"},
    {0x2003, 0x2003, Kind::blank, "EM SPACE"},
    {0x2004, 0x2004, Kind::blank, "THREE-PER-EM SPACE"},
    {0x2005, 0x2005, Kind::blank, "FOUR-PER-EM SPACE"},
    {0x2006, 0x2006, Kind::blank, "SIX-PER-EM SPACE"},
    {0x2007, 0x2007, Kind::blank, "FIGURE SPACE"},
    {0x2008, 0x2008, Kind::blank, "PUNCTUATION SPACE"},
    {0x2009, 0x2009, Kind::blank, "THIN SPACE"},
    {0x200a, 0x200a, Kind::blank, "HAIR SPACE"},
    {0x200b, 0x200b, Kind::hidden, "ZERO WIDTH SPACE"},
    {0x200c, 0x200c, Kind::joiner, "ZERO WIDTH NON-JOINER"},
    {0x200d, 0x200d, Kind::joiner, "ZERO WIDTH JOINER"},
    {0x200e, 0x200e, Kind::hidden, "LEFT-TO-RIGHT MARK"},
    {0x200f, 0x200f, Kind::hidden, "RIGHT-TO-LEFT MARK"},
    {0x2010, 0x2010, Kind::dash, "HYPHEN"},
    {0x2011, 0x2011, Kind::dash, "NON-BREAKING HYPHEN"},
    {0x2012, 0x2012, Kind::dash, "FIGURE DASH"},
    {0x2013, 0x2013, Kind::dash, "EN DASH"},
    {0x2014, 0x2014, Kind::dash, "EM DASH"},
    {0x2015, 0x2015, Kind::dash, "HORIZONTAL BAR"},
    {0x2018, 0x2018, Kind::quote, "LEFT SINGLE QUOTATION MARK"},
    {0x2019, 0x2019, Kind::quote, "RIGHT SINGLE QUOTATION MARK"},
    {0x201a, 0x201a, Kind::quote, "SINGLE LOW-9 QUOTATION MARK"},
    {0x201b, 0x201b, Kind::quote, "SINGLE HIGH-REVERSED-9 QUOTATION MARK"},
    {0x201c, 0x201c, Kind::quote, "LEFT DOUBLE QUOTATION MARK"},
    {0x201d, 0x201d, Kind::quote, "RIGHT DOUBLE QUOTATION MARK"},
    {0x201e, 0x201e, Kind::quote, "DOUBLE LOW-9 QUOTATION MARK"},
    {0x201f, 0x201f, Kind::quote, "DOUBLE HIGH-REVERSED-9 QUOTATION MARK"},
    {0x2024, 0x2024, Kind::other, "ONE DOT LEADER"},
    {0x2025, 0x2025, Kind::other, "TWO DOT LEADER"},
    {0x2026, 0x2026, Kind::other, "HORIZONTAL ELLIPSIS"},
    {0x2028, 0x2028, Kind::hidden, "LINE SEPARATOR"},
    {0x2029, 0x2029, Kind::hidden, "PARAGRAPH SEPARATOR"},
    {0x202a, 0x202a, Kind::hidden, "LEFT-TO-RIGHT EMBEDDING"},
    {0x202b, 0x202b, Kind::hidden, "RIGHT-TO-LEFT EMBEDDING"},
    {0x202c, 0x202c, Kind::hidden, "POP DIRECTIONAL FORMATTING"},
    {0x202d, 0x202d, Kind::hidden, "LEFT-TO-RIGHT OVERRIDE"},
    {0x202e, 0x202e, Kind::hidden, "RIGHT-TO-LEFT OVERRIDE"},
    {0x202f, 0x202f, Kind::blank, "NARROW NO-BREAK SPACE"},
    {0x2039, 0x2039, Kind::quote, "SINGLE LEFT-POINTING ANGLE QUOTATION MARK"},
    {0x203a, 0x203a, Kind::quote, "SINGLE RIGHT-POINTING ANGLE QUOTATION MARK"},
    {0x2044, 0x2044, Kind::other, "FRACTION SLASH"},
    {0x205f, 0x205f, Kind::blank, "MEDIUM MATHEMATICAL SPACE"},
    {0x2060, 0x2060, Kind::hidden, "WORD JOINER"},
    {0x2061, 0x2061, Kind::hidden, "FUNCTION APPLICATION"},
    {0x2062, 0x2062, Kind::hidden, "INVISIBLE TIMES"},
    {0x2063, 0x2063, Kind::hidden, "INVISIBLE SEPARATOR"},
    {0x2064, 0x2064, Kind::hidden, "INVISIBLE PLUS"},
    {0x2066, 0x2066, Kind::hidden, "LEFT-TO-RIGHT ISOLATE"},
    {0x2067, 0x2067, Kind::hidden, "RIGHT-TO-LEFT ISOLATE"},
    {0x2068, 0x2068, Kind::hidden, "FIRST STRONG ISOLATE"},
    {0x2069, 0x2069, Kind::hidden, "POP DIRECTIONAL ISOLATE"},
    {0x206a, 0x206f, Kind::hidden, "(a deprecated format character)"},
    {0x2212, 0x2212, Kind::dash, "MINUS SIGN"},
    {0x2236, 0x2236, Kind::other, "RATIO"},
    {0x2800, 0x2800, Kind::blank, "BRAILLE PATTERN BLANK"},
    {0x3000, 0x3000, Kind::blank, "IDEOGRAPHIC SPACE"},
    {0x3001, 0x3001, Kind::other, "IDEOGRAPHIC COMMA"},
    {0x3164, 0x3164, Kind::hidden, "HANGUL FILLER"},
    {0xe000, 0xf8ff, Kind::other, "(of a private use area)"},
    {0xfe00, 0xfe0f, Kind::joiner, "(a variation selector)"},
    {0xfe58, 0xfe58, Kind::dash, "SMALL EM DASH"},
    {0xfe63, 0xfe63, Kind::dash, "SMALL HYPHEN-MINUS"},
    {0xfeff, 0xfeff, Kind::hidden, "ZERO WIDTH NO-BREAK SPACE (byte order mark)"},
    {0xff01, 0xff5e, Kind::other, "(a fullwidth form)"},
    {0xffa0, 0xffa0, Kind::hidden, "HALFWIDTH HANGUL FILLER"},
    {0xfff9, 0xfffb, Kind::hidden, "(an interlinear annotation)"},
    {0xfffc, 0xfffc, Kind::other, "OBJECT REPLACEMENT CHARACTER"},
    {0xfffd, 0xfffd, Kind::other, "REPLACEMENT CHARACTER"},
    {0xe0000, 0xe007f, Kind::hidden, "(a tag)"},
};

const Known* known(char32_t code) {
  const auto* found =
      std::upper_bound(std::begin(kKnown), std::end(kKnown), code,
                       [](char32_t value, const Known& entry) { return value < entry.first; });
  if (found == std::begin(kKnown)) return nullptr;
  --found;
  return code <= found->last ? found : nullptr;
}

std::string advice_of(char32_t code, const Known* entry) {
  constexpr char32_t kFullwidth = 0xff01 - '!';
  if (code >= 0xff01 && code <= 0xff5e)
    return fmt::format("write '{}'", static_cast<char>(code - kFullwidth));
  switch (entry == nullptr ? Kind::other : entry->kind) {
    case Kind::hidden:
    case Kind::joiner:
      return "delete it";
    case Kind::blank:
      return "delete it, or write a plain space";
    case Kind::dash:
      return "write '-'";
    case Kind::quote:
      return "write it without quotation marks";
    case Kind::other:
      break;
  }
  return "write letters, digits and signs of ASCII";
}

std::string name_of(const CodePoint& character, std::string_view bytes, const Known* entry) {
  if (character.broken)
    return fmt::format("byte 0x{:02x}, which is no UTF-8,", static_cast<unsigned char>(bytes[0]));
  return fmt::format("U+{:04X} ", static_cast<std::uint32_t>(character.code)) +
         (entry != nullptr ? entry->name : "'" + printable(bytes) + "'");
}

template <class Wanted>
std::optional<Character> find(std::string_view text, Wanted wanted) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint character = code_point(text.substr(at));
    const Known* entry = known(character.code);
    const bool at_end = at == 0 || at + character.length == text.size();
    if (character.code >= 0x80 && wanted(entry, at_end))
      return Character{at, name_of(character, text.substr(at, character.length), entry),
                       advice_of(character.code, entry),
                       entry != nullptr && entry->kind == Kind::dash};
    at += character.length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Character> beyond_ascii(std::string_view text) {
  return find(text, [](const Known*, bool) { return true; });
}

std::optional<Character> mistakable(std::string_view text) {
  return find(text, [](const Known* entry, bool) { return entry != nullptr; });
}

std::optional<Character> invisible(std::string_view text) {
  // Persian words and emoji contain joiners; many emoji end with a variation selector.
  return find(text, [](const Known* entry, bool at_end) {
    if (entry == nullptr) return false;
    return entry->kind == Kind::hidden || (at_end && entry->kind == Kind::blank) ||
           (at_end && entry->kind == Kind::joiner && entry->first < 0xfe00);
  });
}

std::string complaint(const Character& character, std::string_view text, std::size_t column) {
  const std::size_t place = column_of(text, character.offset);
  const std::string where = column > 0 ? fmt::format("in column {}", column + place - 1)
                                       : fmt::format("is character {} of it", place);
  return fmt::format("{} {}; {}", character.name, where, character.advice);
}

}  // namespace moesim::config
