#include "sim/config/overrides.hpp"

#include "sim/config/characters.hpp"
#include "sim/config/list.hpp"
#include "sim/config/synonyms.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim::config {

ConfigFile parse_overrides(const std::vector<std::string>& words) {
  ConfigFile result;
  std::size_t items = 0;
  std::set<std::string> seen;
  for (const std::string& text : words) {
    const std::size_t equals = text.find('=');
    const std::string key(trimmed(text.substr(0, equals)));
    // Only the value of a setting may be arbitrary text.
    const std::string_view plain = std::string_view(text).substr(0, std::min(equals, text.size()));
    if (const auto character =
            equals == std::string::npos ? mistakable(plain) : beyond_ascii(plain))
      fail(Exit::usage,
           fmt::format("command line: '{}': {}", printable(text), complaint(*character, plain, 1)));
    if (equals == std::string::npos || !is_full_key(key)) {
      const std::string meant = meant_setting(key);
      fail(Exit::usage,
           fmt::format("command line: '{}' is no setting; {}", printable(text),
                       meant.empty() ? "write section.key=value"
                       : equals == std::string::npos || meant.find('=') != meant.npos
                           ? "did you mean " + meant + "?"
                           : "did you mean " + meant + printable(text.substr(equals)) + "?"));
    }
    const std::string_view value = trimmed(std::string_view(text).substr(equals + 1));
    Place place{"command line", key, std::string(value)};
    if (!value.empty())
      place.column = column_of(text, static_cast<std::size_t>(value.data() - text.data()));
    if (const auto character = invisible(place.value))
      place.reject(complaint(*character, place.value, place.column));
    if (!seen.insert(key).second) place.reject("set twice on the command line; keep one");
    if (const std::string problem = value_problem(place.value); !problem.empty())
      place.reject(problem);
    std::vector<std::string> list;
    if (!place.value.empty()) list = parse_list(place, kMostItems - items);
    items += list.size();
    if (list.size() < 2) {
      result.values[key] = {list.empty() ? "" : list.front(), place.origin, "", place.column};
    } else {
      result.sweep.push_back({key, std::move(list), place.origin, place.value, place.column});
    }
  }
  return result;
}

namespace {

// The note about one key; nothing if no variant sets it.
void take_out(ConfigFile& file, const std::string& key, const std::string& value,
              const std::string& origin, std::vector<std::string>& notes) {
  std::string first;
  std::size_t more = 0;
  for (ConfigFile::Variant& variant : file.variants)
    for (const std::string& name : {key, synonym_of(key)}) {
      const auto found = variant.values.find(name);
      if (found == variant.values.end()) continue;
      if (first.empty())
        first = fmt::format("[variant.{}] ({})", variant.name, found->second.origin);
      else
        ++more;
      variant.values.erase(found);
    }
  if (first.empty()) return;
  notes.push_back(fmt::format("{} replaces what {}{} {}", Place{origin, key, value}.text(), first,
                              more > 0 ? fmt::format(" and {} more", more) : "",
                              more > 0 ? "set" : "sets"));
}

}  // namespace

std::vector<std::string> override_variants(ConfigFile& file, const ConfigFile& top) {
  std::vector<std::string> notes;
  for (const auto& [key, setting] : top.values)
    take_out(file, key, setting.value, setting.origin, notes);
  for (const ConfigFile::Axis& axis : top.sweep)
    take_out(file, axis.key, axis.list, axis.origin, notes);
  return notes;
}

}  // namespace moesim::config
