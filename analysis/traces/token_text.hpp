// Token texts are what tokens of a trace look like, as `moesim route` writes them to a file
// (trace_vocabulary_text in analysis/FORMAT.md): any bytes, escaped.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace moesim {

// Returns bytes as UTF-8 without control characters: '\' becomes "\\"; a control character and a
// byte that is not UTF-8 become "\xNN".
std::string escaped_token(std::string_view bytes);
// The bytes of an escaped text; what is no such escape is left as it is.
std::string unescaped_token(std::string_view escaped);

// The bytes of tokens by id; empty if the file at `path` has none. Throws Exit::data.
std::map<std::int32_t, std::string> token_texts(const std::string& path);

}  // namespace moesim
