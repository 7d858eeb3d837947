// TableFormat is an output format of tables: text, CSV, Markdown, LaTeX, HTML or JSON.
#pragma once

#include <string>
#include <vector>

namespace moesim {

enum class TableFormat { text, csv, md, latex, html, json };

// Returns the names that --format accepts, in the order of the enum.
const std::vector<std::string>& format_names();
// Parses a name of --format. Throws Exit::usage with the nearest valid name.
TableFormat format_of(const std::string& name);

}  // namespace moesim
