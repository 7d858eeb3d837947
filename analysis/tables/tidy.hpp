// The tidy table has one row per recorded number: run, arm, seed, step, layer, expert, domain,
// quantity, value. pandas and R read it without arguments.
//
// It is written run by run: a study of a thousand runs has gigabytes of it.
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

// Takes the table piece by piece.
using TidySink = std::function<void(std::string_view)>;

// Every numeric variable of the run files (FORMAT.md) as CSV. `step` is the label of the variable's
// step, evaluation or record; a column is empty where a variable has no such dimension, a value
// where it is NaN. Auxiliary losses are quantities of their own, "aux_loss/balance". A run goes by
// its run_id, or by its path where two have one run_id. Runs of any status are in. Returns what was
// left out, one sentence each. Throws Exit::usage for an arm or a quantity that is not there.
std::vector<std::string> write_tidy(const Request& request, const TidyOptions& options,
                                    const TidySink& sink);
void write_tidy(const Request& request, std::ostream& out);

}  // namespace moesim
