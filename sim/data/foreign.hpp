// Recognises files that are not plain text: by magic bytes, never by name; formats without magic
// bytes by bytes that text does not contain.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// Returns the format and a remedy: "gzip data: gunzip it first"; "" for text in any encoding.
// `path` only distinguishes intended web pages (.html) from error pages saved instead of a file.
std::string foreign_format(const std::string& path, std::string_view contents);

// The same for formats with at least `least` magic bytes only.
std::string format_by_magic(std::string_view contents, std::size_t least = 1);

}  // namespace moesim
