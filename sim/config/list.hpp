// The list grammar: item {, item}; item := text | a..b | a..b..step.
#pragma once

#include "sim/config/text.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim::config {

// Items that one config file and its includes, or one command line, may list in total.
inline constexpr std::size_t kMostItems = 100000;

// The items of place.value, ranges counted out: "1, 4..6" -> 1, 4, 5, 6. A range includes its end
// if the steps reach it; decimals are counted in decimal, so 0.1..0.3..0.1 is 0.1, 0.2, 0.3. Text
// that merely contains ".." ("../a.txt") is text: a range begins with a number. Rejects empty
// items, broken ranges and more than `most` items.
std::vector<std::string> parse_list(const Place& place, std::size_t most = kMostItems);

// Rejects a value that stands twice: both would be the same run.
void check_distinct(const Place& place, const std::vector<std::string>& items);

}  // namespace moesim::config
