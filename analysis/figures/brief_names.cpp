#include "analysis/figures/brief_names.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace moesim {
namespace {

// Word is a part of a label: "k=1", or "token_choice" without a value.
struct Word {
  std::string key, value;
  std::string text() const { return value.empty() ? key : key + "=" + value; }
  bool operator==(const Word&) const = default;
};

std::string setting(const Arm& arm, const std::string& key) {
  const auto found = arm.settings.find(key);
  return found == arm.settings.end() ? "" : found->second;
}

// Splits a label that a sweep wrote into words: KEY=VALUE and one router. Empty for any other
// label.
std::vector<Word> words_of(const Arm& arm) {
  std::vector<Word> words;
  bool valued = false;
  for (std::size_t begin = 0; begin <= arm.name.size();) {
    const std::size_t end = std::min(arm.name.find(' ', begin), arm.name.size());
    const std::string text = arm.name.substr(begin, end - begin);
    const std::size_t sign = text.find('=');
    if (sign == 0 || sign + 1 == text.size()) return {};
    if (sign == text.npos && text != setting(arm, "router.name")) return {};
    words.push_back(sign == text.npos ? Word{text, ""}
                                      : Word{text.substr(0, sign), text.substr(sign + 1)});
    valued = valued || sign != text.npos;
    begin = end + 1;
  }
  return valued ? words : std::vector<Word>();
}

std::string brief(const std::string& key) {
  static const std::map<std::string, std::string> known{{"capacity_factor", "cf"},
                                                        {"capacity_factor_eval", "eval_cf"}};
  const auto found = known.find(key);
  return found == known.end() ? key : found->second;
}

bool all_have(const std::vector<std::vector<Word>>& arms, const Word& word) {
  return std::all_of(arms.begin(), arms.end(), [&](const auto& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  });
}

// Returns true if both keys have the same value in every arm.
bool equal_values(const std::vector<std::vector<Word>>& arms, const std::string& a,
                  const std::string& b) {
  const auto value = [](const std::vector<Word>& words, const std::string& key) {
    const auto found =
        std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.key == key; });
    return found == words.end() ? "" : found->value;
  };
  return std::all_of(arms.begin(), arms.end(),
                     [&](const auto& words) { return value(words, a) == value(words, b); });
}

}  // namespace

BriefNames brief_names(const std::vector<Arm>& arms) {
  BriefNames full;
  for (const Arm& arm : arms) full.names.push_back(arm.name);
  std::vector<std::vector<Word>> labels;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (setting(arms[i], "router.name") == "dense") continue;
    labels.push_back(words_of(arms[i]));
    places.push_back(i);
    if (labels.back().empty()) return full;  // labels that a user chose
  }
  if (labels.size() < 2) return full;

  std::vector<Word> common;
  for (const Word& word : labels[0])
    if (all_have(labels, word)) common.push_back(word);
  std::set<std::string> follows;
  const std::vector<Word>& first = labels[0];
  for (std::size_t a = 0; a < first.size(); ++a)
    for (std::size_t b = a + 1; b < first.size(); ++b)
      if (!first[a].value.empty() && !follows.contains(first[a].key) &&
          equal_values(labels, first[a].key, first[b].key))
        follows.insert(first[b].key);

  BriefNames made = full;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::string name;
    for (const Word& word : labels[i]) {
      if (follows.contains(word.key) ||
          std::find(common.begin(), common.end(), word) != common.end())
        continue;
      name += (name.empty() ? "" : " ") + Word{brief(word.key), word.value}.text();
    }
    if (name.empty()) return full;
    made.names[places[i]] = name;
  }
  if (std::set<std::string>(made.names.begin(), made.names.end()).size() != arms.size())
    return full;
  for (const Word& word : common)
    if (!follows.contains(word.key)) made.omitted.push_back(word.text());
  for (const std::string& key : follows) made.omitted.push_back(key);
  return made;
}

}  // namespace moesim
