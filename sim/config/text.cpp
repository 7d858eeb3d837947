#include "sim/config/text.hpp"

#include "sim/config/characters.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace moesim::config {
namespace {

constexpr std::string_view kKeyCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

// Length in bytes of the printable character at the start of `text` (not empty); 0 if there is
// none.
std::size_t character_length(std::string_view text) {
  const CodePoint character = code_point(text);
  const bool control =
      character.code != '\t' && (character.code < 0x20 || character.code == 0x7f ||
                                 (character.code >= 0x80 && character.code < 0xa0));
  return character.broken || control ? 0 : character.length;
}

template <class T>
std::errc parse_whole(std::string_view text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return stop == end ? error : std::errc::invalid_argument;
}

}  // namespace

CodePoint code_point(std::string_view text) {
  constexpr CodePoint kBroken = {0xfffd, 1, true};
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1, false};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return kBroken;
  char32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return kBroken;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};  // below: overlong
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kLeast[length] || code > 0x10ffff || surrogate) return kBroken;
  return {code, length, false};
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         text.find_first_not_of(kKeyCharacters) == std::string_view::npos;
}

bool is_name(std::string_view text) {
  return is_key(text) && text.size() <= 64 && text != "." && text != "..";
}

bool is_full_key(std::string_view text) {
  return is_key(text) && text.find('.') != std::string_view::npos && text.front() != '.' &&
         text.back() != '.';
}

std::string section_of(const std::string& full_key) {
  return full_key.substr(0, full_key.rfind('.'));
}

std::string short_key(const std::string& full_key) {
  return full_key.substr(full_key.rfind('.') + 1);
}

std::size_t find_foreign_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    if (result.size() + std::max<std::size_t>(length, 1) > limit) return result + "...";
    if (length == 0) {
      result += '?';
      ++i;
    } else {
      result += text.substr(i, length);
      i += length;
    }
  }
  return result;
}

std::size_t column_of(std::string_view line, std::size_t offset) {
  const std::string_view before = line.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count_if(before.begin(), before.end(), [](char c) {
           return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
         }));
}

std::string value_problem(std::string_view value) {
  if (find_foreign_byte(value) != std::string_view::npos)
    return "has a control character or is not UTF-8; use plain text";
  if (const auto character = invisible(value)) return complaint(*character, value, 0);
  if (trimmed(value) != value) return "begins or ends with a space; remove it";
  if (value.starts_with('#') || value.find(" #") != std::string_view::npos ||
      value.find("\t#") != std::string_view::npos)
    return "' #' would begin a comment in a config file; remove it";
  return {};
}

std::errc parse(std::string_view text, index& value) { return parse_whole(text, value); }

std::errc parse(std::string_view text, double& value) {
  const std::errc error = parse_whole(text, value);
  return error == std::errc{} && !std::isfinite(value) ? std::errc::invalid_argument : error;
}

std::string shortest(double value) {
  std::array<char, 32> buffer;  // the longest double takes 24
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end);
}

std::string canonical(const std::string& value) {
  index integer = 0;
  if (parse(value, integer) == std::errc{}) return std::to_string(integer);
  double number = 0;
  if (parse(value, number) != std::errc{}) return value;
  // Whole numbers are written as integers: "-0.0" is 0, and "1e5" is 100000, not the shorter
  // "1e+05".
  constexpr double kExact = 9007199254740992;  // 2^53
  if (std::abs(number) <= kExact && std::trunc(number) == number)
    return std::to_string(static_cast<index>(number));
  return shortest(number);
}

std::string Place::text() const {
  return fmt::format("{}: {} = {}", origin, printable(key),
                     value.empty() ? "''" : printable(value));
}

void Place::reject(const std::string& message) const { fail(Exit::usage, text() + ": " + message); }

}  // namespace moesim::config
