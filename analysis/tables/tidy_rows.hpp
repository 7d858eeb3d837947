// Writes the rows of the tidy table for one run.
#pragma once

#include "analysis/runs/read.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace moesim {

// Returns true for variables that label others; they are not quantities.
bool is_label(const std::string& name);

// Appends the rows of all numeric variables, or only those in `chosen` if it is not empty. Calls
// `full` from time to time, which may move `text` elsewhere. Every row begins with `prefix`:
// "run,arm,seed,".
void append_rows(const Run& run, const std::set<std::string>& chosen, std::string_view prefix,
                 std::string& text, const std::function<void()>& full);

}  // namespace moesim
