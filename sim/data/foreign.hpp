// Recognises files that are no plain text: by their first bytes, never by their name, and where a
// format has none, by bytes that text does not have.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// What these contents are and what to do about it: "gzip data: gunzip it first". "" if they may be
// text in some encoding. `path` only tells web pages that were asked for (.html) from those that a
// server sent instead of a file.
std::string foreign_format(const std::string& path, std::string_view contents);

// The same for formats that begin with bytes of their own, at least so many.
std::string format_by_magic(std::string_view contents, std::size_t least = 1);

}  // namespace moesim
