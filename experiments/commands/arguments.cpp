#include "experiments/commands/arguments.hpp"

#include "experiments/commands/known_options.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/characters.hpp"
#include "sim/config/list.hpp"
#include "sim/config/number_text.hpp"
#include "sim/config/synonyms.hpp"
#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>

namespace moesim {

namespace po = boost::program_options;

namespace {
constexpr const char* kHelp = "print this";
}

Arguments::Arguments(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)) {
  group("Options");
  groups_.back().add_options()("help,h", po::bool_switch(), kHelp);
  declared_.push_back({Argument::Kind::flag, "help", "", kHelp, {}});
}

Arguments& Arguments::group(const std::string& title) {
  const auto width = static_cast<unsigned>(text_width());
  groups_.emplace_back(title, width, width / 2);
  return *this;
}

Arguments& Arguments::flag(const std::string& name, const std::string& help) {
  groups_.back().add_options()(name.c_str(), po::bool_switch(), help.c_str());
  declared_.push_back({Argument::Kind::flag, name, "", help, {}});
  return *this;
}

Arguments& Arguments::value(const std::string& name, const std::string& otherwise,
                            const std::string& about, Offer offer) {
  const std::string words =
      offer.only ? "[" + joined(offer.words, " | ") + (offer.several ? "; or a list: a,b]" : "]")
                 : "";
  const std::string help = about + (about.empty() || words.empty() ? "" : " ") + words;
  groups_.back().add_options()(name.c_str(), po::value<std::string>()->default_value(otherwise),
                               help.c_str());
  declared_.push_back({Argument::Kind::value, name, otherwise, help, std::move(offer)});
  return *this;
}

Arguments& Arguments::list(const std::string& name, const std::string& help) {
  using Texts = std::vector<std::string>;
  groups_.back().add_options()(
      name.c_str(), po::value<Texts>()->composing()->default_value(Texts(), ""), help.c_str());
  declared_.push_back({Argument::Kind::list, name, "", help, {}});
  return *this;
}

namespace {

// Rejects a word that begins with a typographic dash instead of '-'.
void check_dash(const std::string& word) {
  const auto character = config::mistakable(word);
  if (character && character->offset == 0 && character->is_dash)
    fail(Exit::usage, fmt::format("command line: '{}': {}", config::printable(word),
                                  config::complaint(*character, word, 1)));
}

// Explains a malformed number: "; U+2212 MINUS SIGN in column 1; write '-'".
std::string number_advice(const std::string& value, bool whole) {
  if (const auto character = config::beyond_ascii(value))
    return "; " + config::complaint(*character, value, 1);
  const std::string meant = config::meant_number(value, whole);
  return meant.empty() || meant == value ? "" : "; did you mean " + meant + "?";
}

// "run.steps=10" for "--steps 10" or "--steps=10": the setting of that name; "" if there is none or
// more than one.
std::string setting_for(const std::string& option, const std::vector<std::string>& words) {
  const std::size_t first = std::min(option.find_first_not_of('-'), option.size());
  const std::string name = option.substr(first, option.find('=') - first);
  std::string setting = config::meant_setting(name);
  if (setting.empty()) {
    std::vector<std::string> keys;
    for (const auto& [key, info] : known_options())
      if (key == name || config::short_key(key) == name) keys.push_back(key);
    if (keys.size() != 1) return {};
    setting = keys.front();
  }
  if (setting.find('=') != setting.npos) return setting;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with("--" + name + "=")) return setting + words[i].substr(2 + name.size());
    if (words[i] == "--" + name)
      return setting + "=" +
             (i + 1 < words.size() && !words[i + 1].starts_with("-") ? words[i + 1] : "VALUE");
  }
  return setting + "=VALUE";
}

}  // namespace

bool Arguments::parse(const std::vector<std::string>& words) {
  for (const std::string& word : words) check_dash(word);
  po::options_description all;
  for (const po::options_description& group : groups_) all.add(group);
  all.add_options()("rest", po::value<std::vector<std::string>>(&rest_));
  po::positional_options_description positional;
  positional.add("rest", -1);
  // Abbreviations are refused: a later version may make them ambiguous.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    po::store(po::command_line_parser(words).options(all).positional(positional).style(style).run(),
              values_);
    po::notify(values_);
  } catch (const po::unknown_option& e) {
    const std::string setting = setting_for(e.get_option_name(), words);
    std::vector<std::string> names;
    for (const Argument& option : declared_) names.push_back("--" + option.name);
    const std::string near = nearest(e.get_option_name(), names);
    fail(Exit::usage,
         "command line: unknown option " + e.get_option_name() +
             (!setting.empty() && usage_.find("key=value") != usage_.npos
                  ? "; a setting is written without dashes: " + setting
              : near.empty() ? "; see moesim " + usage_.substr(0, usage_.find(' ')) + " --help"
                             : "; did you mean " + near + "?"));
  } catch (const po::error& e) {
    fail(Exit::usage, std::string("command line: ") + e.what());
  }
  if (!values_["help"].as<bool>()) {
    require_offered();
    return true;
  }
  std::cout << "usage: moesim " << usage_ << "\n\n" << wrapped_lines(about_, text_width()) << '\n';
  for (const po::options_description& group : groups_) std::cout << '\n' << group;
  return false;
}

void Arguments::require_offered() const {
  for (const Argument& option : declared_) {
    if (!option.offer.only || !given(option.name)) continue;
    const std::string value = text(option.name), name = "--" + option.name;
    std::vector<std::string> items = {value};
    if (option.offer.several) items = config::parse_list({"command line", name, value});
    for (const std::string& item : items) config::require_choice(name, item, option.offer.words);
  }
}

void Arguments::require_rest(const std::string& question) const {
  if (rest_.empty()) fail(Exit::usage, "command line: " + question + " usage: moesim " + usage_);
}

long Arguments::integer(const std::string& name, long low, long high) const {
  const std::string value = text(name);
  long number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < low || number > high)
    fail(Exit::usage, "command line: --" + name + " " + config::shown_value(value) +
                          ": expected a whole number from " + std::to_string(low) + " to " +
                          std::to_string(high) + number_advice(value, true));
  return number;
}

double Arguments::number(const std::string& name, double low, double high) const {
  const std::string value = text(name);
  double number = 0;
  if (config::parse(value, number) != std::errc{} || number < low || number > high)
    fail(Exit::usage,
         fmt::format("command line: --{} {}: expected a number from {} to {}{}", name,
                     config::shown_value(value), low, high, number_advice(value, false)));
  return number;
}

}  // namespace moesim
