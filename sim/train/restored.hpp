// restored() returns the run file of an earlier process, for the resumed run to continue.
#pragma once

#include "sim/record/run_file.hpp"

namespace moesim {

// The description of aux_loss; it is not kept in checkpoints.
inline constexpr const char* kAuxDescription =
    "weighted, summed over layers; NaN where a step had none";

// The variables that `own` declares, with the rows of `earlier`. Auxiliary losses and router
// metrics, which are not declared, are taken from `earlier`. A statistic that the earlier build did
// not record is NaN in the existing rows. Throws Exit::data if the variables of `earlier` differ.
RunFile restored(const RunFile& own, const RunFile& earlier);

}  // namespace moesim
