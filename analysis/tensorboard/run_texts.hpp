// Describes a run for TensorBoard: its texts, and the folder of its event file.
#pragma once

#include "analysis/runs/read.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Converts ISO 8601 in UTC, "2026-01-31T12:00:00Z". Returns 0 for other text.
double seconds_since_1970(const std::string& utc);

// Returns the Markdown texts by tag: "run", a table of the run's attributes, and "config".
std::vector<std::pair<std::string, std::string>> texts_of(const Run& run);

// Returns "EXPERIMENT/ARM/seed N", which TensorBoard shows as the run's name. Each part is safe as
// a file name.
std::string event_folder_of(const Run& run);

// Converts text to a file name: no separators, control characters or characters with a meaning in
// shells or other file systems, at most 100 bytes. If anything is changed, 8 digits of the text's
// SHA-256 are appended, so that different texts remain different.
std::string safe_file_name(const std::string& text);

}  // namespace moesim
