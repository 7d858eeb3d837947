// Converts settings from text to values of their option's type, for run files.
#pragma once

#include "sim/config/options.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moesim::config {

using TypedValue = std::variant<std::string, double, std::int64_t>;

// The value of an option by its type (OptionInfo::type): integers and flags (1, 0) as integers,
// numbers as doubles, all others as text.
TypedValue typed_value(const std::string& type, const std::string& text);

// True if the text of a config means this value.
bool means(const TypedValue& value, const std::string& text);

// Every option that was read, by full key, in the order of reading; without data.root, which is
// only a location, and without deprecated options.
std::vector<std::pair<std::string, TypedValue>> typed_settings(const Settings& settings);

}  // namespace moesim::config
