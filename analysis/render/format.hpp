// The formats of tables.
#pragma once

#include <string>
#include <vector>

namespace moesim {

enum class Format { text, csv, md, latex, html, json };

// As --format has them, in the order of the enum.
const std::vector<std::string>& format_names();
// Throws Exit::usage with the nearest name.
Format format_of(const std::string& name);

}  // namespace moesim
