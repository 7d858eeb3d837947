// What is said of a run in words: texts for TensorBoard, and where its events go.
#pragma once

#include "analysis/runs/read.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Of ISO 8601 in UTC, "2026-01-31T12:00:00Z". 0 if it is none.
double seconds_since_1970(const std::string& utc);

// "run", a table of what a reader wants to know of the run, and "config", by tag; Markdown.
std::vector<std::pair<std::string, std::string>> texts_of(const Run& run);

// "EXPERIMENT/ARM/seed N": as TensorBoard names the run. Each part is safe for a file system.
std::string event_folder_of(const Run& run);

// Text as the name of a file: no separators, no control characters, nothing that a shell or another
// file system gives a meaning, 100 bytes at the most. Where anything had to be changed, 8 digits of
// its SHA-256 are added, so that different texts remain different.
std::string safe_file_name(const std::string& text);

}  // namespace moesim
