#include "sim/config/list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>

namespace moesim::config {
namespace {

// units * 10^exponent: an exact decimal number, so that ranges have no rounding error.
struct Decimal {
  index units = 0;
  int exponent = 0;
};

// Small enough that the difference of two such numbers fits.
constexpr index kMostUnits = 1'000'000'000'000'000'000;

// Parses a number of at most 18 digits.
std::optional<Decimal> parse_decimal(std::string_view text) {
  double ignored = 0;
  if (parse(text, ignored) != std::errc{}) return std::nullopt;  // the syntax is checked here

  Decimal result;
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  if (e < text.size()) {
    std::string_view power = text.substr(e + 1);
    if (power.front() == '+') power.remove_prefix(1);
    index exponent = 0;
    if (parse(power, exponent) != std::errc{} || exponent < -400 || exponent > 400)
      return std::nullopt;
    result.exponent = static_cast<int>(exponent);
  }
  std::string digits(text.substr(0, e));
  if (const std::size_t point = digits.find('.'); point != std::string::npos) {
    digits.erase(point, 1);
    result.exponent -= static_cast<int>(digits.size() - point);
  }
  if (parse(digits, result.units) != std::errc{}) return std::nullopt;
  if (result.units == 0) result.exponent = 0;
  return result;
}

// The units of `number` at a smaller exponent.
std::optional<index> units_at(Decimal number, int exponent) {
  // std::abs would overflow for the smallest number.
  const auto within = [&number](index most) {
    return number.units >= -most && number.units <= most;
  };
  for (; number.exponent > exponent; --number.exponent) {
    if (!within(kMostUnits / 10)) return std::nullopt;
    number.units *= 10;
  }
  if (!within(kMostUnits)) return std::nullopt;
  return number.units;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

std::string decimal_text(index units, int exponent) {
  if (exponent == 0) return std::to_string(units);
  double value = 0;
  parse(fmt::format("{}e{}", units, exponent), value);
  return shortest(value);
}

// Appends the items of a..b or a..b..step.
void append_range(const Place& place, std::string_view item,
                  const std::vector<std::string_view>& parts, std::size_t most,
                  std::vector<std::string>& items) {
  const std::string shown = printable(item, 40);
  if (parts.size() > 3)
    place.reject(fmt::format("bad range '{}'; write a..b or a..b..step", shown));
  std::vector<Decimal> numbers;
  int exponent = 0;
  for (const std::string_view part : parts) {
    const std::optional<Decimal> number = parse_decimal(part);
    if (!number)
      place.reject(
          fmt::format("bad range '{}': '{}' is not a number of at most 18 digits; write "
                      "a..b or a..b..step",
                      shown, printable(part, 20)));
    numbers.push_back(*number);
    exponent = std::min(exponent, number->exponent);
  }
  if (parts.size() == 2) {
    if (exponent < 0)
      place.reject(fmt::format("range '{0}' over decimals has no step; write {0}..STEP", shown));
    numbers.push_back({1, 0});
  }
  std::vector<index> units;
  for (const Decimal& number : numbers) {
    const std::optional<index> scaled = units_at(number, exponent);
    if (!scaled)
      place.reject(fmt::format("range '{}' needs more than 18 digits; round its numbers", shown));
    units.push_back(*scaled);
  }

  const index low = units[0], high = units[1], step = units[2];
  if (step == 0) place.reject(fmt::format("range '{}' has the step 0; write another step", shown));
  if (step > 0 ? high < low : high > low)
    place.reject(fmt::format(
        "range '{}' never reaches its end; {}", shown,
        high < low ? "swap the ends, or write a negative step" : "write a positive step"));
  const auto steps = static_cast<std::size_t>((high - low) / step);
  if (steps >= most - std::min(most, items.size()))
    place.reject(fmt::format("more than {} items; widen the step of '{}'", kMostItems, shown));
  for (std::size_t i = 0; i <= steps; ++i)
    items.push_back(decimal_text(low + static_cast<index>(i) * step, exponent));
}

}  // namespace

std::vector<std::string> parse_list(const Place& place, std::size_t most) {
  if (place.value.empty()) place.reject("no value; write a list such as a, b or 1..4");
  // The name of an existing file is one item, whatever commas and dots it contains.
  std::error_code error;
  if (section_of(place.key) == "data" && place.value.find_first_of(",.") != std::string::npos &&
      std::filesystem::exists(place.value, error))
    return {place.value};
  std::vector<std::string> items;
  for (const std::string_view item : split(place.value, ",")) {
    if (item.empty()) place.reject("an item of the list is empty; remove the extra comma");
    const std::vector<std::string_view> parts = split(item, "..");
    if (parts.size() > 1 && parse_decimal(parts[0])) {
      append_range(place, item, parts, most, items);
    } else {
      items.emplace_back(item);
      if (items.size() > most)
        place.reject(fmt::format("more than {} items; shorten the list", kMostItems));
    }
  }
  return items;
}

void check_distinct(const Place& place, const std::vector<std::string>& items) {
  std::set<std::string> seen;
  for (const std::string& item : items)
    if (!seen.insert(canonical(item)).second)
      place.reject(fmt::format("'{}' stands twice in the list; keep one", printable(item)));
}

}  // namespace moesim::config
