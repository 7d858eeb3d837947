#include "analysis/render/escape.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <cstdlib>

namespace moesim {
namespace {

using config::code_point;

// Returns true for characters that no output may contain: C0 and C1 controls, bidirectional marks,
// line separators, and invalid code points.
bool is_control(char32_t code) {
  const auto within = [code](char32_t first, char32_t last) {
    return code >= first && code <= last;
  };
  return code < 0x20 || within(0x7f, 0x9f) || code == 0x61c || within(0x200e, 0x200f) ||
         within(0x2028, 0x202e) || within(0x2066, 0x2069) || within(0xfdd0, 0xfdef) ||
         (code & 0xfffe) == 0xfffe;
}

// Calls f(code point, its bytes) for each character; characters that must not be shown are passed
// as '?'.
template <class F>
void each_character(std::string_view text, F f) {
  while (!text.empty()) {
    const config::CodePoint character = code_point(text);
    if (character.broken || is_control(character.code))
      f(U'?', std::string_view("?"));
    else
      f(character.code, text.substr(0, character.length));
    text.remove_prefix(character.length);
  }
}

bool is_number(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

bool begins_formula(const std::string& cell) {
  if (cell.size() < 2 || is_number(cell)) return false;  // a sign alone is none
  switch (code_point(cell).code) {
    case '=':
    case '+':
    case '-':
    case '@':
    case 0xff1d:
    case 0xff0b:
    case 0xff0d:
    case 0xff20:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string terminal_safe(std::string_view text) {
  std::string safe;
  each_character(text, [&](char32_t, std::string_view bytes) { safe += bytes; });
  return safe;
}

std::string brief(std::string_view text, std::size_t most) {
  constexpr std::string_view kCut = "...";
  std::string safe;
  std::size_t count = 0, end = 0;  // end: of the first `most` - 3 characters
  each_character(text, [&](char32_t, std::string_view bytes) {
    if (count++ >= most) return;
    safe += bytes;
    if (count + kCut.size() <= most) end = safe.size();
  });
  if (count > most) safe.replace(end, std::string::npos, kCut);
  return safe;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string csv_cell(const std::string& text) {
  std::string cell = terminal_safe(text);
  if (begins_formula(cell)) cell.insert(0, 1, '\'');
  // A spreadsheet may use ';' as the separator.
  if (cell.find_first_of(",;\"") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string markdown_cell(const std::string& text) {
  const auto is_word = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
  };
  std::string cell;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Between the letters of a word, '_' is no markup.
    const bool in_word =
        i > 0 && i + 1 < text.size() && is_word(text[i - 1]) && is_word(text[i + 1]);
    if (std::string_view("\\`*[]<>|&~$").find(text[i]) != std::string_view::npos ||
        (text[i] == '_' && !in_word))
      cell += '\\';
    cell += text[i];
  }
  return cell;
}

std::string markdown_paragraph(const std::string& text) {
  std::string paragraph = markdown_cell(text);
  const std::size_t digits = std::min(paragraph.find_first_not_of("0123456789"), paragraph.size());
  if (digits < paragraph.size() &&
      std::string_view(".)").find(paragraph[digits]) != std::string_view::npos)
    paragraph.insert(digits, 1, '\\');  // "1. " begins a list
  else if (!paragraph.empty() &&
           std::string_view("#-+=").find(paragraph[0]) != std::string_view::npos)
    paragraph.insert(0, 1, '\\');
  return paragraph;
}

std::string html_text(std::string_view text) {
  std::string safe;
  each_character(text, [&](char32_t code, std::string_view bytes) {
    switch (code) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += bytes;
    }
  });
  return safe;
}

std::string plain_label(const std::string& label) {
  std::string plain = label;
  for (char& c : plain)
    if (!config::is_key({&c, 1}) && c != ':' && c != '+' && c != '/') c = '-';
  return plain;
}

}  // namespace moesim
