// whatif_table() says what other capacities of experts would drop of recorded assignments.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/traces/cases.hpp"

#include <string>
#include <vector>

namespace moesim {

// One row per file, MoE layer, group, fill and factor, over all traces of the file, and one for all
// layers. Throws Exit::usage for options that a run does not admit.
Table whatif_table(const std::vector<std::string>& paths, const WhatIfOptions& options);

}  // namespace moesim
