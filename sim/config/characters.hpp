// Finds characters in a config that are invisible or look like other ones, and names them by code
// point and column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace moesim::config {

// Character is one such character, with a remedy.
struct Character {
  std::size_t offset = 0;  // of its first byte
  std::string name;        // "U+00A0 NO-BREAK SPACE"
  std::string advice;      // "write '-'"
  bool is_dash = false;
};

// The first character of UTF-8 text beyond ASCII. Keys, numbers and choices are ASCII.
std::optional<Character> beyond_ascii(std::string_view text);
// The first character that can be mistaken for another or overlooked: a blank, a dash, a quotation
// mark or an invisible one. Letters of any script are allowed.
std::optional<Character> mistakable(std::string_view text);
// The first character that is an error even in a file name: an invisible one, or a blank at either
// end.
std::optional<Character> invisible(std::string_view text);

// The error message: "U+00A0 NO-BREAK SPACE in column 12; delete it". `column` is where `text`
// begins in its line; 0: unknown.
std::string complaint(const Character& character, std::string_view text, std::size_t column);

}  // namespace moesim::config
