#include "sim/config/options.hpp"

#include "sim/config/characters.hpp"
#include "sim/config/number_text.hpp"
#include "sim/config/synonyms.hpp"
#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

using config::Place;

std::string range_text(bool has_low, bool has_high, const std::string& low,
                       const std::string& high) {
  if (has_low && has_high) return low + " .. " + high;
  if (has_low) return ">= " + low;
  if (has_high) return "<= " + high;
  return {};
}

std::string range_text(IntegerRange range) {
  const IntegerRange all;
  return range_text(range.low != all.low, range.high != all.high, std::to_string(range.low),
                    std::to_string(range.high));
}

std::string range_text(NumberRange range) {
  return range_text(std::isfinite(range.low), std::isfinite(range.high),
                    config::shortest(range.low), config::shortest(range.high));
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "; did you mean NUMBER?" for a text that is no number, if the option accepts that number; else
// "".
template <class Range>
std::string perhaps(const std::string& text, bool whole, Range range) {
  const std::string meant = config::meant_number(text, whole);
  decltype(range.low) value = 0;
  if (config::parse(meant, value) != std::errc{} || value < range.low || value > range.high)
    return {};
  return "; did you mean " + meant + "?";
}

// "did you mean moe.experts?", or "choose one of ...".
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::string& prefix) {
  const std::string best = nearest(word, candidates);
  if (!best.empty()) return fmt::format("did you mean {}{}?", prefix, best);
  return "choose one of " + joined(candidates);
}

}  // namespace

void Settings::unset(const std::string& key) { values_.erase(key); }

bool Settings::has(const std::string& key) const { return values_.count(key) > 0; }

const std::string& Settings::effective(const std::string& key) const { return effective_.at(key); }

void Settings::set(const std::string& key, Setting setting) { values_[key] = std::move(setting); }

void Settings::set(const std::string& key, std::string value, std::string origin) {
  values_[key] = {std::move(value), std::move(origin)};
}

void Settings::declare(const OptionInfo& info, const std::string& effective) {
  if (declared_.emplace(info.key, info).second) order_.push_back(info.key);
  effective_[info.key] = effective;
}

void Settings::explain(Explained sentence) {
  if (std::find(explained_.begin(), explained_.end(), sentence) == explained_.end())
    explained_.push_back(std::move(sentence));
}

void Settings::check_all_read(
    const std::map<std::string, std::vector<std::string>>& dormant) const {
  // Every section and its short keys; for a section that was read, its declared options.
  std::map<std::string, std::vector<std::string>> known = dormant;
  for (const std::string& key : order_) known.erase(config::section_of(key));
  for (const std::string& key : order_)
    known[config::section_of(key)].push_back(config::short_key(key));

  for (const auto& [key, setting] : values_) {
    const std::string section = config::section_of(key);
    const std::string name = config::short_key(key);
    const auto found = known.find(section);
    // The parts of a dormant section are dormant too.
    const auto part_of = [&section = section](const auto& candidate) {
      return section.rfind(candidate.first + ".", 0) == 0;
    };
    if (found == known.end() && std::any_of(dormant.begin(), dormant.end(), part_of)) {
      const auto owner = std::find_if(dormant.begin(), dormant.end(), part_of);
      const auto in_use = [&](const std::string& own) {
        return config::section_of(own) == owner->first;
      };
      if (std::none_of(order_.begin(), order_.end(), in_use)) continue;
    }
    const Place place{setting.origin, key, setting.value};
    if (found == known.end()) {
      std::vector<std::string> sections;
      for (const auto& [candidate, keys] : known) sections.push_back(candidate);
      const std::string meant = config::meant_setting(name);
      if (nearest(section, sections).empty() && !meant.empty())
        place.reject(fmt::format("unknown section [{}]; did you mean {}?",
                                 config::printable(section), meant));
      place.reject(fmt::format("unknown section [{}]; {}", config::printable(section),
                               suggestion(section, sections, "")));
    }
    const std::vector<std::string>& names = found->second;
    if (contains(names, name)) continue;
    if (const std::string meant = config::meant_setting(name); !meant.empty())
      place.reject(fmt::format("unknown option; did you mean {}?", meant));
    if (nearest(name, names).empty())
      for (const auto& [other, others] : known)
        if (contains(others, name))
          place.reject(fmt::format("unknown option; did you mean {}.{}?", other, name));
    place.reject("unknown option; " + suggestion(name, names, section + "."));
  }
}

bool Settings::is_resolved(const std::string& key) const {
  const OptionInfo& info = declared_.at(key);
  return !info.former && !(info.silent && effective_.at(key) == info.default_value);
}

std::string Settings::resolved() const {
  std::vector<std::string> sections;
  std::map<std::string, std::string> bodies;
  for (const std::string& key : order_) {
    if (!is_resolved(key)) continue;
    const std::string section = config::section_of(key);
    if (bodies.count(section) == 0) sections.push_back(section);
    const std::string& value = effective_.at(key);
    bodies[section] += config::short_key(key) + (value.empty() ? " =" : " = ") + value + "\n";
  }
  std::string text;
  for (const std::string& section : sections)
    text += fmt::format("{}[{}]\n{}", text.empty() ? "" : "\n", section, bodies[section]);
  return text;
}

// Declares the option and returns its text: the value that was set, else the first declared
// default.
std::string Options::raw(const std::string& key, OptionInfo info) {
  const std::string full = section_ + "." + key;
  info.key = full;
  const auto [declared, is_new] = settings_->declared_.try_emplace(full, std::move(info));
  if (is_new) settings_->order_.push_back(full);
  const auto set = settings_->values_.find(full);
  // As written; the caller replaces it by the canonical form, if there is one.
  return settings_->effective_[full] =
             set == settings_->values_.end() ? declared->second.default_value : set->second.value;
}

// Numbers, flags and choices are ASCII.
void Options::check_characters(const std::string& key, const std::string& text) const {
  const auto character = config::beyond_ascii(text);
  if (!character) return;
  const auto set = settings_->values_.find(section_ + "." + key);
  const std::size_t column = set == settings_->values_.end() ? 0 : set->second.column;
  reject(key, config::complaint(*character, text, column));
}

// Rejects an item of a list that may be meant as one number.
void Options::check_list(const std::string& key, bool whole) const {
  const auto set = settings_->values_.find(section_ + "." + key);
  if (set == settings_->values_.end()) return;
  const Setting& setting = set->second;
  if (!config::may_be_one_number(setting.list, whole)) return;
  std::string spaced;
  for (const char c : setting.list) spaced += c == ',' ? std::string(", ") : std::string(1, c);
  const std::string meant = config::meant_number(setting.list, whole);
  Place{setting.origin, section_ + "." + key, setting.list}.reject(
      fmt::format("one number, or a list? write {}, or '{}' with a space for the list",
                  meant.empty() ? "a number with a decimal point" : meant, spaced));
}

index Options::whole(const std::string& key, const std::string& text, IntegerRange range) {
  const std::string bounds = range_text(range);
  const std::string advice = "; write a whole number" + (bounds.empty() ? "" : ", " + bounds);
  check_characters(key, text);
  check_list(key, true);
  index value = 0;
  const std::errc error = config::parse(text, value);
  if (error == std::errc::invalid_argument)
    reject(key, "not an integer" + advice + perhaps(text, true, range));
  if (error != std::errc{} || value < range.low || value > range.high)
    reject(key, "out of range" + advice);
  settings_->effective_[section_ + "." + key] = std::to_string(value);
  return value;
}

index Options::integer(const std::string& key, index otherwise, IntegerRange range,
                       const std::string& help) {
  return whole(key, raw(key, {{}, "integer", std::to_string(otherwise), range_text(range), help}),
               range);
}

std::optional<index> Options::former_integer(const std::string& key, IntegerRange range,
                                             const std::string& help) {
  const std::string text =
      raw(key, {{}, "integer", "", range_text(range), "the earlier way to write " + help, true});
  if (!settings_->has(section_ + "." + key)) return {};
  return whole(key, text, range);
}

double Options::number(const std::string& key, double otherwise, NumberRange range,
                       const std::string& help) {
  const std::string bounds = range_text(range);
  const std::string text = raw(key, {{}, "number", config::shortest(otherwise), bounds, help});
  const std::string advice = "; write a number" + (bounds.empty() ? "" : ", " + bounds);
  check_characters(key, text);
  check_list(key, false);
  double value = 0;
  const std::errc error = config::parse(text, value);
  if (error == std::errc::invalid_argument)
    reject(key, "not a finite number" + advice + perhaps(text, false, range));
  if (error != std::errc{} || value < range.low || value > range.high)
    reject(key, "out of range" + advice);
  settings_->effective_[section_ + "." + key] = config::shortest(value);
  return value;
}

bool Options::flag(const std::string& key, bool otherwise, const std::string& help) {
  const std::string text =
      raw(key, {{}, "flag", otherwise ? "true" : "false", "true | false", help});
  check_characters(key, text);
  const bool yes = text == "true" || text == "yes" || text == "on" || text == "1";
  const bool no = text == "false" || text == "no" || text == "off" || text == "0";
  if (!yes && !no) reject(key, "not a flag; write true or false");
  settings_->effective_[section_ + "." + key] = yes ? "true" : "false";
  return yes;
}

std::string Options::choice(const std::string& key, const std::string& otherwise,
                            const std::vector<std::string>& allowed, const std::string& help) {
  const std::string text = raw(key, {{}, "choice", otherwise, joined(allowed, " | "), help});
  if (contains(allowed, text)) return text;
  check_characters(key, text);
  reject(key, config::unknown_choice(text, allowed));
}

std::string Options::text(const std::string& key, const std::string& otherwise,
                          const std::string& help) {
  const std::string value = raw(key, {{}, "text", otherwise, "", help});
  const std::string problem = config::value_problem(value);
  if (!problem.empty()) reject(key, problem);
  return value;
}

void Options::keep_silent(const std::string& key) {
  settings_->declared_.at(section_ + "." + key).silent = true;
}

void Options::explain(Topic topic, std::string text) const {
  settings_->explain({section_, topic, std::move(text)});
}

Options Options::part(const std::string& role) const { return {*settings_, section_ + "." + role}; }

std::string Options::where(const std::string& key) const {
  const std::string full = section_ + "." + key;
  const auto set = settings_->values_.find(full);
  if (set != settings_->values_.end())
    return Place{set->second.origin, full, set->second.value}.text();
  const auto declared = settings_->declared_.find(full);
  return Place{"default", full,
               declared == settings_->declared_.end() ? "" : declared->second.default_value}
      .text();
}

void Options::reject(const std::string& key, const std::string& message) const {
  fail(Exit::usage, where(key) + ": " + message);
}

}  // namespace moesim
