// Identifies settings for which 0 means "no limit", so that 0 sorts after every other value.
#pragma once

#include "sim/config/text.hpp"

#include <string>

namespace moesim {

// Returns true for a capacity factor of 0, with which nothing is dropped.
inline bool is_no_limit(const std::string& key, const std::string& value) {
  const std::string name = config::short_key(key);
  double number = 1;
  return (name == "capacity_factor" || name == "capacity_factor_eval") &&
         config::parse(value, number) == std::errc{} && number == 0;
}

}  // namespace moesim
