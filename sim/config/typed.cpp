#include "sim/config/typed.hpp"

#include <charconv>

namespace moesim::config {
namespace {

template <class Number>
bool reads(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  return problem == std::errc() && stopped == end;
}

}  // namespace

TypedValue typed_value(const std::string& type, const std::string& text) {
  std::int64_t whole = 0;
  double real = 0;
  if (type == "flag") return std::int64_t{text == "true"};
  if (type == "integer" && reads(text, whole)) return whole;
  if (type == "number" && reads(text, real)) return real;
  return text;
}

bool means(const TypedValue& value, const std::string& text) {
  if (text == "true" || text == "false")
    if (value == TypedValue(std::int64_t{text == "true"})) return true;
  std::int64_t whole = 0;
  double real = 0;
  return value == TypedValue(text) || (reads(text, whole) && value == TypedValue(whole)) ||
         (reads(text, real) && value == TypedValue(real));
}

std::vector<std::pair<std::string, TypedValue>> typed_settings(const Settings& settings) {
  std::vector<std::pair<std::string, TypedValue>> typed;
  for (const std::string& key : settings.order()) {
    const OptionInfo& info = settings.declared().at(key);
    if (!settings.is_resolved(key) || key == "data.root") continue;
    typed.emplace_back(key, typed_value(info.type, settings.effective(key)));
  }
  return typed;
}

}  // namespace moesim::config
