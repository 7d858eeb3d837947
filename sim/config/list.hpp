// Parses lists of a sweep: list := item {, item}; item := text | a..b | a..b..step.
#pragma once

#include "sim/config/text.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim::config {

// The most items in all lists of a config file and its includes, or of a command line.
inline constexpr std::size_t kMostItems = 100000;

// The items of place.value with ranges expanded: "1, 4..6" -> 1, 4, 5, 6. A range includes its end
// if the steps reach it. Decimals use decimal arithmetic: 0.1..0.3..0.1 is 0.1, 0.2, 0.3. Only an
// item that begins with a number is a range; "../a.txt" is text. Rejects empty items, malformed
// ranges and more than `most` items.
std::vector<std::string> parse_list(const Place& place, std::size_t most = kMostItems);

// Rejects a value that occurs twice, because both would be the same run.
void check_distinct(const Place& place, const std::vector<std::string>& items);

}  // namespace moesim::config
