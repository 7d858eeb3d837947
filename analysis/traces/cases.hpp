// Lists the cases of moesim whatif: groups and orders of places, capacity factors, and the formula of a
// run's capacity.
#pragma once

#include "analysis/traces/drops.hpp"
#include "analysis/traces/trace.hpp"
#include "sim/moe/policies/capacity.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct WhatIfOptions {
  std::vector<std::string> factors;       // capacity factors as written; 0: no limit
  std::vector<std::string> groups;        // sequence, batch; empty: the run's
  std::vector<std::string> fills;         // token, choice, priority; empty: the run's, as listed
  std::optional<std::int64_t> step = {};  // only its traces; none: all
};

struct WhatIfCase {
  std::string group, fill;
  std::int64_t size = 0;  // tokens of a group
  WhatIfFill order = WhatIfFill::trace;
};

// The cases of a run: every group with every fill. Throws Exit::usage for what a run does not admit.
std::vector<WhatIfCase> cases_of(const TracedRun& run, const WhatIfOptions& options);

// The capacity formula of the run at this factor. Throws Exit::usage if it is none.
Capacity formula_of(const TracedRun& run, const std::string& factor);
// k in that formula.
index choices_of(const TracedRun& run);
// Calls use(n, dropped) for every case and factor, factors within cases, n from 0: the rows of a
// layer that would be dropped.
void each_drop(const TracedRun& run, const std::vector<WhatIfCase>& cases,
               const std::vector<std::string>& factors, const TraceLayer& rows,
               const std::function<void(std::size_t, const std::vector<bool>&)>& use);

// What the numbers of a run are, in words.
std::vector<std::string> whatif_notes(const TracedRun& run, const std::vector<WhatIfCase>& cases,
                                      const std::string& factor);

}  // namespace moesim
