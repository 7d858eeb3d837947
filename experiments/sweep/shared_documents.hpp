// Reads data sets of documents once for the runs that share them: to arrange documents can take
// minutes.
#pragma once

#include "experiments/sweep/data_cache.hpp"
#include "experiments/sweep/plan.hpp"

#include <memory>
#include <vector>

namespace moesim {

// The data sets of documents (data.document) that two or more of these runs have. It is for the
// supervisor, before it forks workers, which then share the memory, too. Never throws for data that
// cannot be read: each run then reads for itself, and reports the error.
std::shared_ptr<DataCache> shared_documents(const std::vector<PlannedRun>& runs);

}  // namespace moesim
