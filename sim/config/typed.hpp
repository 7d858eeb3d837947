// Settings as values of their type, for run files.
#pragma once

#include "sim/config/options.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moesim::config {

using TypedValue = std::variant<std::string, double, std::int64_t>;

// The value of an option as its type has it (OptionInfo::type): integers and flags (1, 0) whole,
// numbers real, others as they are written.
TypedValue typed_value(const std::string& type, const std::string& text);

// Is `value` what the text of a config says?
bool means(const TypedValue& value, const std::string& text);

// Every option that was read, by its full key, in the order of reading; without data.root, which
// says where the data lie, and without former options.
std::vector<std::pair<std::string, TypedValue>> typed_settings(const Settings& settings);

}  // namespace moesim::config
