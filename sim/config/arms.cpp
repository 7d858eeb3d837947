#include "sim/config/arms.hpp"

#include "sim/config/overrides.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fnmatch.h>
#include <set>

namespace moesim {
namespace {

// True for "router.token_choice.k=2".
bool is_setting(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != text.npos && config::is_full_key(config::trimmed(text.substr(0, equals)));
}

// "dense:run.steps=5" -> "dense" and "run.steps=5". A label may contain a colon: "device=cuda:0".
ArmChoice choice_of(const std::string& part) {
  for (std::size_t at = part.find(':'); at != part.npos; at = part.find(':', at + 1))
    if (is_setting(std::string_view(part).substr(at + 1)))
      return {std::string(config::trimmed(part.substr(0, at))), {part.substr(at + 1)}};
  return {part, {}};
}

std::vector<std::string> labels_of(const std::vector<RunSpec>& runs) {
  std::vector<std::string> labels;
  for (const RunSpec& run : runs) labels.push_back(run.label);
  return labels;
}

void apply(RunSpec& run, const ConfigFile& settings) {
  for (const auto& entry : settings.values) {
    const std::string& key = entry.first;
    const auto& setting = entry.second;
    run.settings.unset(config::synonym_of(key));
    run.settings.set(key, setting);
    if (key == "run.seed") continue;
    const auto varied = std::find_if(run.varied.begin(), run.varied.end(),
                                     [&](const auto& item) { return item.first == key; });
    if (varied == run.varied.end())
      run.varied.emplace_back(key, setting.value);
    else
      varied->second = setting.value;
  }
  run.label = run_label(run);
}

ConfigFile settings_of(const ArmChoice& choice) {
  ConfigFile settings = config::parse_overrides(choice.overrides);
  if (!settings.sweep.empty())
    fail(Exit::usage, fmt::format("command line: --arm {}: {} = {}: a list makes no axis inside an "
                                  "arm; give --arm once for each value",
                                  config::printable(choice.name), settings.sweep.front().key,
                                  config::printable(settings.sweep.front().list)));
  return settings;
}

}  // namespace

std::vector<std::size_t> arms_matching(const std::string& name,
                                       const std::vector<std::string>& labels) {
  std::vector<std::size_t> places;
  const auto keep = [&](const auto& matches) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (matches(labels[i])) places.push_back(i);
  };
  keep([&](const std::string& label) { return label == name; });
  if (!places.empty() || name.find_first_of("*?") == name.npos) return places;
  std::string pattern;  // brackets and backslashes are literal
  for (const char c : name)
    pattern += c == '[' || c == '\\' ? std::string{'\\', c} : std::string{c};
  keep([&](const std::string& label) { return ::fnmatch(pattern.c_str(), label.c_str(), 0) == 0; });
  return places;
}

std::string no_arm_message(const std::string& name, const std::vector<std::string>& labels) {
  constexpr std::size_t kMostNamed = 20;
  std::vector<std::string> known;
  for (const std::string& label : labels)
    if (std::find(known.begin(), known.end(), label) == known.end()) known.push_back(label);
  std::string near = nearest(name, known);
  for (const std::string& label : known)
    if (near.empty() && label.find(name) != label.npos) near = label;
  const std::size_t more = known.size() - std::min(known.size(), kMostNamed);
  known.resize(known.size() - more);
  return "no arm is named '" + name + "': " + (near.empty() ? "" : "did you mean " + near + "? ") +
         "there are " + joined(known) + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

std::vector<ArmChoice> arm_choices(const std::vector<std::string>& parts) {
  std::vector<ArmChoice> choices;
  for (const std::string& part : parts) {
    if (!choices.empty() && !choices.back().overrides.empty() && is_setting(part) &&
        part.find(':') > part.find('='))
      choices.back().overrides.push_back(part);
    else
      choices.push_back(choice_of(part));
  }
  return choices;
}

std::vector<RunSpec> choose_arms(const std::vector<RunSpec>& runs,
                                 const std::vector<ArmChoice>& choices) {
  if (choices.empty()) return runs;
  const std::vector<std::string> labels = labels_of(runs);
  std::vector<std::vector<std::size_t>> chosen(runs.size());  // the choices that select each run
  std::vector<ConfigFile> settings;
  for (const ArmChoice& choice : choices) {
    const std::vector<std::size_t> places = arms_matching(choice.name, labels);
    if (places.empty()) {
      std::vector<std::string> shown;
      for (const std::string& label : labels) shown.push_back(config::printable(label, 200));
      const bool after_setting = !settings.empty() && !settings.back().values.empty();
      fail(Exit::usage,
           "command line: --arm: " + no_arm_message(config::printable(choice.name, 200), shown) +
               (after_setting ? "; a list makes no axis inside an arm" : ""));
    }
    for (const std::size_t place : places) chosen[place].push_back(settings.size());
    settings.push_back(settings_of(choice));
  }
  std::vector<RunSpec> result;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::set<std::vector<std::string>> taken;  // a repeated choice counts once
    for (const std::size_t choice : chosen[i]) {
      if (!taken.insert(choices[choice].overrides).second) continue;
      result.push_back(runs[i]);
      apply(result.back(), settings[choice]);
    }
  }
  return result;
}

}  // namespace moesim
