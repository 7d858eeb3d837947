#include "experiments/explain/explanation.hpp"

#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moesim {
namespace {

std::string router_of(const PlannedRun& run) {
  for (const PlannedOption& option : run.options)
    if (option.key == "router.name") return option.value;
  return {};
}

// "" for the router, "inner: " for a router inside it.
std::string prefix_of(const std::string& section, const std::string& router) {
  const std::string own = "router." + router;
  return section.size() > own.size() + 1 && section.starts_with(own + ".")
             ? section.substr(own.size() + 1) + ": "
             : "";
}

// The title of a sentence: its topic, or the section of what is not about routing ("init").
std::string title_of(const Explained& sentence, const std::string& router) {
  for (const char* section : {"adapter", "init", "freeze", "distil", "expert"})
    if (sentence.section == section) return section;
  return prefix_of(sentence.section, router) + name_of<Topic>(kTopics, sentence.topic);
}

// True if one of the sentences is about the loss of this option, "z" of "z_weight".
bool says_loss(const PlannedRun& run, const std::string& section, const std::string& loss) {
  return std::any_of(run.explained.begin(), run.explained.end(), [&](const Explained& each) {
    return each.section == section && each.topic == Topic::losses &&
           each.text.starts_with(loss + ":");
  });
}

// Losses that no sentence is about: options NAME_weight that are not 0, with their own sentence.
std::vector<Explained> silent_losses(const PlannedRun& run) {
  constexpr std::string_view kEnd = "_weight";
  std::vector<Explained> all;
  for (const PlannedOption& option : run.options) {
    const std::string section = config::section_of(option.key);
    const std::string key = config::short_key(option.key);
    double weight = 0;
    if (!section.starts_with("router.") || !key.ends_with(kEnd) ||
        config::parse(option.value, weight) != std::errc{} || weight == 0)
      continue;
    const std::string loss = key.substr(0, key.size() - kEnd.size());
    if (!says_loss(run, section, loss))
      all.push_back({section, Topic::losses,
                     fmt::format("{}: {} = {}: {}; its value at balance is not stated", loss, key,
                                 option.value, option.help)});
  }
  return all;
}

std::vector<Explained> everything_of(const PlannedRun& run) {
  std::vector<Explained> all = run.explained;
  for (Explained& each : silent_losses(run)) all.push_back(std::move(each));
  const std::string section = "router." + router_of(run);
  if (std::none_of(all.begin(), all.end(),
                   [](const Explained& each) { return each.topic == Topic::losses; }))
    all.push_back({section, Topic::losses, "none"});
  if (std::none_of(all.begin(), all.end(),
                   [](const Explained& each) { return each.topic == Topic::evaluation; }))
    all.push_back(
        {section, Topic::evaluation, "as in training, except options that are of training alone"});
  all.push_back(
      {section, Topic::cost,
       fmt::format("the model: {} parameters, {:.0f} of them active for a token; {:.0f} "
                   "FLOPs per token in training; expert hidden width {}",
                   run.parameters_total, run.parameters_active, run.flops_per_token, run.hidden)});
  std::stable_sort(all.begin(), all.end(),
                   [](const Explained& a, const Explained& b) { return a.topic < b.topic; });
  return all;
}

bool is_routing(const std::string& key) {
  return key.starts_with("router.") || key.starts_with("moe.");
}

constexpr std::size_t kLeastText = 24;  // columns for sentences beside what they are about

// "    k = 2     experts per token (default: 1)"; in a narrow terminal the sentence stands below.
std::string option_text(const PlannedOption& option, std::size_t width) {
  constexpr std::size_t kColumn = 32;
  const std::string setting = fmt::format("{} = {}", config::short_key(option.key), option.value);
  const std::string help =
      option.help + (option.value == option.default_value
                         ? " (default)"
                         : fmt::format(" (default: {})", option.default_value));
  const std::size_t column = std::max(setting.size(), kColumn) + 5;
  if (column + kLeastText > width)
    return fmt::format("    {}\n      {}\n", setting, wrapped(help, width, 6));
  return fmt::format("    {:<{}} {}\n", setting, kColumn, wrapped(help, width, column));
}

}  // namespace

ArmExplanation explain_arm(const PlannedRun& run) {
  ArmExplanation arm;
  arm.arm = run.spec.label;
  const std::string router = router_of(run);
  for (const Explained& each : everything_of(run)) {
    const std::string title = title_of(each, router);
    const auto same = std::find_if(arm.parts.begin(), arm.parts.end(),
                                   [&](const Explanations& part) { return part.title == title; });
    if (same == arm.parts.end())
      arm.parts.push_back({title, {each.text}});
    else
      same->sentences.push_back(each.text);
  }
  for (const PlannedOption& option : run.options)
    if (is_routing(option.key)) arm.options.push_back(option);
  return arm;
}

std::string explanation_text(const ArmExplanation& arm, std::size_t width) {
  std::string text = arm.arm + "\n";
  std::size_t indent = 0;
  for (const Explanations& part : arm.parts) indent = std::max(indent, part.title.size());
  indent += 4;
  // Titles stand beside their sentences, or above them in a narrow terminal.
  const bool beside = indent + kLeastText <= width;
  if (!beside) indent = 4;
  for (const Explanations& part : arm.parts) {
    if (!beside) text += fmt::format("  {}\n", part.title);
    for (std::size_t i = 0; i < part.sentences.size(); ++i)
      text += fmt::format("  {:<{}}{}\n", i == 0 && beside ? part.title : "", indent - 2,
                          wrapped(part.sentences[i], width, indent));
  }
  std::string section;
  for (const PlannedOption& option : arm.options) {
    if (const std::string own = config::section_of(option.key); own != section) {
      section = own;
      text += fmt::format("  [{}]\n", section);
    }
    text += option_text(option, width);
  }
  return text;
}

nlohmann::ordered_json explanation_json(const ArmExplanation& arm) {
  nlohmann::ordered_json json = {{"arm", arm.arm},
                                 {"topics", nlohmann::ordered_json::object()},
                                 {"options", nlohmann::ordered_json::array()}};
  for (const Explanations& part : arm.parts) json["topics"][part.title] = part.sentences;
  for (const PlannedOption& option : arm.options)
    json["options"].push_back({{"option", option.key},
                               {"value", option.value},
                               {"default", option.default_value},
                               {"help", option.help}});
  return json;
}

Carried carried_from(const PlannedRun& run) {
  Carried carried{router_of(run), {}};
  const std::string section = "router." + carried.router;
  for (const PlannedOption& option : run.options) {
    const std::string key = config::short_key(option.key);
    if (config::section_of(option.key) != section) continue;
    const bool always = key == "k" || key == "capacity_factor" || key == "capacity_factor_eval";
    const bool is_set = run.spec.settings.has(option.key);
    if (always || is_set) carried.values[key] = option.value;
    if (key == "k") carried.k_is_set = is_set;
  }
  // k = 0 stands for all experts, which a library writes as their number.
  if (carried.text("k", "1") == "0") {
    for (const PlannedOption& option : run.options)
      if (option.key == "moe.experts") carried.values["k"] = option.value;
  }
  return carried;
}

}  // namespace moesim
