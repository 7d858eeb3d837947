// Characters that cannot be seen, or that are taken for others: named by code point and column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace moesim::config {

struct Character {
  std::size_t offset = 0;  // of its first byte
  std::string name;        // "U+00A0 NO-BREAK SPACE"
  std::string advice;      // what to do about it: "write '-'"
  bool is_dash = false;
};

// The first character of UTF-8 text that is none of ASCII: keys, numbers and choices have none.
std::optional<Character> beyond_ascii(std::string_view text);
// The first that passes for another, or for nothing: a blank, a dash, a quotation mark or what is
// not shown. Letters are none, of whatever script.
std::optional<Character> mistakable(std::string_view text);
// The first that has no place even in the name of a file: one that is not shown, or a blank at
// either end.
std::optional<Character> invisible(std::string_view text);

// "U+00A0 NO-BREAK SPACE in column 12; delete it". `column` is that of the text in its line; 0:
// unknown.
std::string complaint(const Character& character, std::string_view text, std::size_t column);

}  // namespace moesim::config
