#include "sim/config/number_text.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace moesim::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::vector<std::string_view> items_of(std::string_view list) {
  std::vector<std::string_view> items;
  for (;;) {
    const std::size_t comma = list.find(',');
    items.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

std::string_view without_sign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

// True for "5" and "5e-3".
bool is_fraction(std::string_view text, bool& has_exponent) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  has_exponent = e < text.size();
  return all_digits(text.substr(0, e)) &&
         (!has_exponent || all_digits(without_sign(text.substr(e + 1))));
}

// Groups of three digits after a first one of one to three: 1,000 or 1'000'000.
bool are_thousands(const std::vector<std::string_view>& groups) {
  return groups.size() > 1 && all_digits(groups.front()) && groups.front().size() <= 3 &&
         groups.front() != "0" &&
         std::all_of(groups.begin() + 1, groups.end(),
                     [](std::string_view group) { return group.size() == 3 && all_digits(group); });
}

// Rewrites the text in the syntax of configs; "" if the result is no number.
std::string read(const std::string& text, bool whole) {
  index integer = 0;
  if (parse(text, integer) == std::errc{}) return std::to_string(integer);
  double number = 0;
  if (parse(text, number) != std::errc{}) return {};
  constexpr double kExact = 9007199254740992;  // 2^53
  const bool is_whole = std::abs(number) <= kExact && std::trunc(number) == number;
  if (whole) return is_whole ? std::to_string(static_cast<index>(number)) : "";
  return shortest(number);
}

}  // namespace

std::string meant_number(std::string_view given, bool whole) {
  std::string text(trimmed(given));
  const bool percent = text.ends_with('%');
  if (percent) text = trimmed(std::string_view(text).substr(0, text.size() - 1));
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.erase(0, 1);
  if (text.starts_with("0x") || text.starts_with("0X")) {
    index value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
    return stop == end && error == std::errc{} ? std::to_string(value) : "";
  }
  // A mark between digits, other than a point, groups them; a space does so in threes.
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between =
        i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
    const bool by_threes = i + 3 < text.size() &&
                           all_digits(std::string_view(text).substr(i + 1, 3)) &&
                           (i + 4 == text.size() || !is_digit(text[i + 4]));
    if (!(between && (text[i] == '_' || (by_threes && (text[i] == '\'' || text[i] == ' ')))))
      plain += text[i];
  }
  const std::vector<std::string_view> groups = items_of(plain);
  std::string joined_groups;
  for (const std::string_view group : groups) joined_groups += group;
  std::string result;
  if (groups.size() == 2 && !(whole && are_thousands(groups)))
    result = read(std::string(groups[0]) + "." + std::string(groups[1]), whole);
  else if (groups.size() == 1 || are_thousands(groups))
    result = read(joined_groups, whole);
  if (result.empty() || !percent) return result;
  double value = 0;
  parse(result, value);
  return read(shortest(value / 100), whole);
}

bool may_be_one_number(std::string_view list, bool whole) {
  if (list.find_first_of(" \t.") != std::string_view::npos) return false;
  const std::vector<std::string_view> items = items_of(list);
  if (items.size() < 2) return false;
  bool has_exponent = false;
  for (std::size_t i = 1; i < items.size(); ++i)
    if (items[i].size() > 1 && items[i][0] == '0' && is_fraction(items[i], has_exponent))
      return true;
  const std::string_view first = without_sign(items.front());
  if (whole) return first.size() == 1 && are_thousands({first, items[1]}) && are_thousands(items);
  if (items.size() != 2 || !all_digits(first) || !is_fraction(items[1], has_exponent)) return false;
  // 0,1e-3 is a list, of a weight that is off and one that is on; 0.1e-3 is an unlikely spelling.
  if (has_exponent) return first.size() == 1 && first != "0";
  return first == "0" || items[1].ends_with('5');
}

bool is_doubtful(std::string_view list, bool whole) {
  const std::vector<std::string_view> items = items_of(list);
  if (items.size() != 2 || !all_digits(items[0]) || !all_digits(items[1])) return false;
  return !whole || (items[0].size() > 1 && items[0].front() != '0' && are_thousands(items));
}

}  // namespace moesim::config
