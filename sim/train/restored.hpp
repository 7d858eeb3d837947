// Goes on with the records of an earlier process.
#pragma once

#include "sim/record/run_file.hpp"

namespace moesim {

// The run file of a run that goes on: what `own` declares, with the rows of `earlier`. Auxiliary
// losses and router metrics, which are not declared, are as they were there. A statistic that an
// earlier build did not record is NaN in the rows that there are. Throws Exit::data if `earlier`
// recorded other things.
RunFile restored(const RunFile& own, const RunFile& earlier);

}  // namespace moesim
