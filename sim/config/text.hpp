// What the config folder agrees on about text: names, numbers, and how an error names its place.
#pragma once

#include "sim/core/types.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace moesim::config {

// Without the spaces and tabs at both ends.
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

// A character of UTF-8 text: its code point, and how many bytes it takes.
struct CodePoint {
  char32_t code;
  std::size_t length;
  bool broken;  // the byte begins no character: U+FFFD, 1 byte
};
// The character at the start of `text`, which is not empty.
CodePoint code_point(std::string_view text);

// Position of the first byte that is no printable UTF-8 text (control characters but tab, NUL,
// broken sequences); npos if there is none.
std::size_t find_foreign_byte(std::string_view text);
// Fit for an error message: foreign bytes as '?', at most `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 60);
// "3 digits in" is column 4: the column of the byte at `offset`, counted in characters from 1.
std::size_t column_of(std::string_view line, std::size_t offset);
// Why a value could not be written in a config file and read back as it is; "" if it could.
std::string value_problem(std::string_view value);

// Strict: the whole text or nothing; finite. invalid_argument or result_out_of_range, else
// std::errc{}.
std::errc parse(std::string_view text, index& value);
std::errc parse(std::string_view text, double& value);
// The shortest text that reads back as the same number.
std::string shortest(double value);
// Equal for two ways of writing one number ("1" and "1.0"); other text is left as it is.
std::string canonical(const std::string& value);

// Where a value stands, for errors: "quickstart.ini:12: moe.experts = 0".
struct Place {
  std::string origin;
  std::string key;
  std::string value;
  std::size_t column = 0;  // of the value in its line; 0: unknown

  std::string text() const;
  // Throws Exit::usage: "text(): message". A message is "reason; what to do".
  [[noreturn]] void reject(const std::string& message) const;
};

}  // namespace moesim::config
