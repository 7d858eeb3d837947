#include "analysis/tables/arm_words.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {

Cell sees_of(const Arm& arm) {
  std::set<std::string> words;
  for (const Outcome* run : arm.runs)
    if (!run->sees.empty()) words.insert(run->sees);
  if (words.empty()) return {};
  return joined({words.begin(), words.end()}, "/");
}

Cell leak_of(const Arm& arm) {
  if (arm.leaks) return "leaks";
  const bool measured = std::any_of(arm.runs.begin(), arm.runs.end(),
                                    [](const Outcome* run) { return !std::isnan(run->leak); });
  return measured ? Cell("none") : Cell();
}

std::vector<std::string> left_out_of(const std::vector<Arm>& arms) {
  std::map<std::string, std::vector<std::string>> by_status;
  std::vector<std::string> repeats;
  for (const Arm& arm : arms) {
    std::map<std::string, std::size_t> count;
    for (const Outcome* run : arm.runs)
      if (!run->counts()) ++count[run->status];
    for (const auto& [status, number] : count)
      by_status[status].push_back(fmt::format("{} ({} of {})", arm.name, number, arm.runs.size()));
    if (!arm.repeats.empty())
      repeats.push_back(fmt::format("{} ({})", arm.name, arm.repeats.size()));
  }
  std::vector<std::string> lines;
  for (const auto& [status, names] : by_status)
    lines.push_back(fmt::format("{}, not in the means: {}",
                                status == "unknown" ? "of unknown status" : status, joined(names)));
  if (!repeats.empty())
    lines.push_back("further runs of a seed, not in the means: " + joined(repeats));
  return lines;
}

void mark_leaks(Table& table, const std::vector<const Arm*>& rows) {
  std::vector<std::string> names;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!rows[row]->leaks) continue;
    table.references[{row, 0}].insert(table.notes.size());
    if (std::find(names.begin(), names.end(), rows[row]->name) == names.end())
      names.push_back(rows[row]->name);
  }
  if (!names.empty())
    table.notes.push_back("leaks (a token's output depends on later tokens): " + joined(names));
}

std::string key_of(const std::string& text, std::set<std::string>& taken, std::size_t most) {
  std::string key;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    if (letter || capital)
      key += capital ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!key.empty() && key.back() != '_')
      key += '_';
  }
  key = key.substr(0, most);
  while (!key.empty() && key.back() == '_') key.pop_back();
  if (key.empty()) key = "x";
  std::string unique = key;
  for (int number = 2; !taken.insert(unique).second; ++number)
    unique = fmt::format("{}_{}", key, number);
  return unique;
}

}  // namespace moesim
