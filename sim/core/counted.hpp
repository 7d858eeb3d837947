// counted() is a number with its noun, for messages: "1 run", "2 runs".
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace moesim {

// "1 NOUN" or "N NOUNs"; for a noun whose plural ends in s.
template <typename Integer>
std::string counted(Integer count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace moesim
