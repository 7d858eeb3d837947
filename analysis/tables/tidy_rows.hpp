// The rows of the tidy table of one run.
#pragma once

#include "analysis/runs/read.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace moesim {

// Variables that label others; they are no quantities.
bool is_label(const std::string& name);

// Appends the rows of all numeric variables to `text`, of those in `chosen` alone unless it is
// empty; calls `full` from time to time, which may take `text` away. `prefix` is what every row
// begins with: "run,arm,seed,".
void append_rows(const Run& run, const std::set<std::string>& chosen, std::string_view prefix,
                 std::string& text, const std::function<void()>& full);

}  // namespace moesim
