#include "experiments/explain/differences.hpp"

#include "analysis/render/table.hpp"
#include "experiments/explain/explanation.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moesim {
namespace {

const PlannedOption* find(const PlannedRun& run, const std::string& key) {
  for (const PlannedOption& option : run.options)
    if (option.key == key) return &option;
  return nullptr;
}

// What only one run has is left out at its default: its router's sentences describe it.
bool is_default(const PlannedOption& option) { return option.value == option.default_value; }

std::vector<std::string> sentences_of(const ArmExplanation& arm, const std::string& title) {
  for (const Explanations& part : arm.parts)
    if (part.title == title) return part.sentences;
  return {};
}

std::vector<std::string> without(std::vector<std::string> from,
                                 const std::vector<std::string>& these) {
  std::erase_if(from, [&](const std::string& each) {
    return std::find(these.begin(), these.end(), each) != these.end();
  });
  return from;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    widest = std::max(widest, config::column_of(line, line.size()) - 1);
    begin = end + 1;
  }
  return widest;
}

std::string cell(const std::string& value) { return value.empty() ? "-" : value; }

// The settings one below the other, for a terminal that is narrower than their table.
std::string settings_list(const Differences& found, std::size_t width) {
  constexpr std::size_t kIndent = 4;
  std::string text;
  for (const Differences::Setting& each : found.settings)
    text += fmt::format(
        "{}\n    {}\n    {}\n", each.key,
        wrapped(fmt::format("{}: {}", found.first, cell(each.first)), width, kIndent),
        wrapped(fmt::format("{}: {}", found.second, cell(each.second)), width, kIndent));
  return text;
}

}  // namespace

Differences differences(const PlannedRun& first, const PlannedRun& second) {
  Differences found;
  const ArmExplanation a = explain_arm(first), b = explain_arm(second);
  found.first = a.arm, found.second = b.arm;
  std::vector<std::string> keys, titles;
  const auto add = [](std::vector<std::string>& to, const std::string& name) {
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
  };
  for (const PlannedRun* run : {&first, &second})
    for (const PlannedOption& option : run->options) add(keys, option.key);
  for (const std::string& key : keys) {
    const PlannedOption *x = find(first, key), *y = find(second, key);
    const PlannedOption* only = x == nullptr ? y : y == nullptr ? x : nullptr;  // nullptr: both
    if (only != nullptr ? is_default(*only) : x->value == y->value) continue;
    found.settings.push_back({key, x == nullptr ? "" : x->value, y == nullptr ? "" : y->value});
  }
  for (const ArmExplanation* arm : {&a, &b})
    for (const Explanations& part : arm->parts) add(titles, part.title);
  for (const std::string& title : titles) {
    const std::vector<std::string> x = sentences_of(a, title), y = sentences_of(b, title);
    Differences::Part topic{title, without(x, y), without(y, x)};
    if (!topic.first.empty() || !topic.second.empty()) found.topics.push_back(std::move(topic));
  }
  return found;
}

std::string differences_text(const Differences& found, std::size_t width) {
  if (found.settings.empty() && found.topics.empty())
    return fmt::format("{} and {} do not differ\n", found.first, found.second);
  using Kind = Column::Kind;
  Table table;
  table.columns = {{"setting", "setting", Kind::text},
                   {"first", found.first, Kind::text},
                   {"second", found.second, Kind::text}};
  for (const Differences::Setting& each : found.settings)
    table.rows.push_back({each.key, cell(each.first), cell(each.second)});
  std::string text = render(table, TableFormat::text);
  if (widest_line(text) > width) text = settings_list(found, width);
  constexpr std::size_t kIndent = 4;
  const auto list = [&](const std::string& arm, const std::vector<std::string>& sentences) {
    if (!sentences.empty()) text += "  " + arm + "\n";
    for (const std::string& each : sentences)
      text += std::string(kIndent, ' ') + wrapped(each, width, kIndent) + "\n";
  };
  for (const Differences::Part& topic : found.topics) {
    text += "\n" + topic.title + "\n";
    list(found.first, topic.first);
    list(found.second, topic.second);
  }
  return text;
}

nlohmann::ordered_json differences_json(const Differences& found) {
  using Json = nlohmann::ordered_json;
  Json json = {{"first", found.first},
               {"second", found.second},
               {"settings", Json::array()},
               {"topics", Json::array()}};
  const auto value = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  for (const Differences::Setting& each : found.settings)
    json["settings"].push_back(
        {{"option", each.key}, {"first", value(each.first)}, {"second", value(each.second)}});
  for (const Differences::Part& each : found.topics)
    json["topics"].push_back(
        {{"topic", each.title}, {"first", each.first}, {"second", each.second}});
  return json;
}

}  // namespace moesim
