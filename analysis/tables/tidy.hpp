// Writes the tidy table: one row per recorded number, with run, arm, seed, step, layer, expert,
// domain, quantity and value. pandas and R read it without arguments.
//
// The table is written run by run: that of a thousand runs has gigabytes.
#pragma once

#include "analysis/runs/load.hpp"

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct TidyOptions {
  std::vector<std::string> quantities = {};  // names of variables; empty: all numeric ones
  std::vector<std::string> arms = {};        // empty: all
};

// Receives the table piece by piece.
using TidySink = std::function<void(std::string_view)>;

// Writes every numeric variable of the run files (FORMAT.md) as CSV. `step` is the label of the
// variable's step, evaluation or record. A column is empty where a variable lacks the dimension, a
// value is empty where it is NaN. Auxiliary losses are separate quantities, "aux_loss/balance". A
// run is named by its run_id, or by its path if two share a run_id. Runs of any status are
// included. Returns what was left out, one sentence each. Throws Exit::usage for an unknown arm or
// quantity.
std::vector<std::string> write_tidy(const Request& request, const TidyOptions& options,
                                    const TidySink& sink);
void write_tidy(const Request& request, std::ostream& out);

}  // namespace moesim
