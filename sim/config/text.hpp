// Defines the text functions that all config code shares: valid names, numbers, UTF-8, and places
// in errors.
#pragma once

#include "sim/core/types.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace moesim::config {

// The text without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

// [A-Za-z0-9._-]{1,64}, neither "." nor "..": safe as the name of a file.
bool is_name(std::string_view text);
// [A-Za-z0-9_.-]{1,128}
bool is_key(std::string_view text);
// A key with its section: "router.name".
bool is_full_key(std::string_view text);
// "router.token_choice.k" -> "router.token_choice" and "k"
std::string section_of(const std::string& full_key);
std::string short_key(const std::string& full_key);

// CodePoint is a character of UTF-8 text.
struct CodePoint {
  char32_t code;
  std::size_t length;  // in bytes
  bool broken;         // invalid UTF-8: code is U+FFFD, length 1
};
// The character at the start of `text`, which is not empty.
CodePoint code_point(std::string_view text);

// Position of the first byte that is not printable UTF-8 (control characters other than tab, NUL,
// invalid sequences); npos if there is none.
std::size_t find_foreign_byte(std::string_view text);
// The text for an error message: unprintable bytes become '?', at most `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 60);
// The column of the byte at `offset`, counted in characters from 1.
std::size_t column_of(std::string_view line, std::size_t offset);
// Why a value would not survive being written to a config file and read back; "" if it would.
std::string value_problem(std::string_view value);

// Parses the whole text as a finite number. Returns std::errc{}, invalid_argument or
// result_out_of_range.
std::errc parse(std::string_view text, index& value);
std::errc parse(std::string_view text, double& value);
// The shortest text that reads back as the same number.
std::string shortest(double value);
// A form that is equal for all spellings of a number ("1" and "1.0"); other text is unchanged.
std::string canonical(const std::string& value);

// Place is where a value was set, for errors: "quickstart.ini:12: moe.experts = 0".
struct Place {
  std::string origin;
  std::string key;
  std::string value;
  std::size_t column = 0;  // of the value in its line; 0: unknown

  std::string text() const;
  // Throws Exit::usage with text() + ": " + message. A message is "reason; what to do".
  [[noreturn]] void reject(const std::string& message) const;
};

}  // namespace moesim::config
