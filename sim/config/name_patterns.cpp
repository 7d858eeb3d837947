#include "sim/config/name_patterns.hpp"

#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fnmatch.h>
#include <sstream>

namespace moesim {
namespace {

// The pieces of a name between dots.
std::vector<std::string> pieces_of(const std::string& name) {
  std::vector<std::string> pieces(1);
  for (const char c : name) {
    if (c == '.')
      pieces.emplace_back();
    else
      pieces.back() += c;
  }
  return pieces;
}

}  // namespace

bool matches_name(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

std::vector<std::string> words_of(std::string list) {
  std::replace(list.begin(), list.end(), ',', ' ');
  std::istringstream stream(list);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::set<std::string> chosen_names(Options& options, const std::string& key,
                                   const std::string& patterns,
                                   const std::vector<std::string>& names) {
  std::set<std::string> chosen;
  for (const std::string& item : words_of(patterns)) {
    const bool leaves = item.front() == '!';
    const std::string pattern = leaves ? item.substr(1) : item;
    bool found = false;
    for (const std::string& name : names) {
      if (!matches_name(pattern, name)) continue;
      found = true;
      if (leaves)
        chosen.erase(name);
      else
        chosen.insert(name);
    }
    if (!found)
      options.reject(key, fmt::format("no parameter matches {}; {}",
                                      config::printable(pattern, 200), names_near(pattern, names)));
  }
  return chosen;
}

std::string names_near(const std::string& pattern, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 6;
  std::string text = fmt::format("of {} the first are ", names.size());
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  std::vector<std::string> known;
  for (const std::string& name : names)
    for (const std::string& piece : pieces_of(name)) known.push_back(piece);
  const std::vector<std::string> pieces = pieces_of(pattern);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string near = nearest(pieces[i], known);
    if (near.empty() || near == pieces[i]) continue;
    std::vector<std::string> other = pieces;
    other[i] = near;
    const std::string meant = joined(other, ".");
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& name) { return matches_name(meant, name); }))
      return fmt::format("did you mean {}? {}", meant, text);
  }
  return text;
}

}  // namespace moesim
