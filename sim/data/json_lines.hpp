// JSON lines: one JSON object a line, of which each is one document.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace moesim {

// The most domains that a key of JSON lines may name.
inline constexpr std::size_t kMostDomains = 256;

// take(text, domain) for every line that is not blank: the text under the key `field`, and what is
// under `domain_field` as a name ("Wikipedia (en)" is Wikipedia_en), or "" without such a key.
// "a.b" is the key b of the object under a. Memory follows the longest line. Throws Exit::data with
// "path:line" for what is no JSON, no object, or has no text under these keys.
void each_document(
    const std::string& path, std::string_view contents, const std::string& field,
    const std::string& domain_field,
    const std::function<void(const std::string& text, const std::string& domain)>& take);

}  // namespace moesim
