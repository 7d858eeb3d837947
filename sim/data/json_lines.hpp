// Reads JSON lines: one JSON object per line, each a document.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// The most distinct domains in a file.
inline constexpr std::size_t kMostDomains = 256;

// JsonKey is a key whose text is read, and the option that names it, for messages.
struct JsonKey {
  std::string key;
  const char* option;
};

// Calls take(texts, domain) for every line that is not blank, with the text under each key and the
// value under `domain_field` as a name ("Wikipedia (en)" becomes Wikipedia_en); "" if
// `domain_field` is "". A key "a.b" is b in the object a. Memory is proportional to the longest
// line. Throws Exit::data with "path:line" for a line that is not a JSON object or lacks these
// keys.
void each_record(const std::string& path, std::string_view contents,
                 const std::vector<JsonKey>& keys, const std::string& domain_field,
                 const std::function<void(const std::vector<std::string>& texts,
                                          const std::string& domain)>& take);

// The same for one text, under the key `field`, which data.field names.
void each_document(
    const std::string& path, std::string_view contents, const std::string& field,
    const std::string& domain_field,
    const std::function<void(const std::string& text, const std::string& domain)>& take);

}  // namespace moesim
