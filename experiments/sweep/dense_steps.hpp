// The dense steps of a run with init.at: the first steps of its dense arm, trained in the folder
// "dense" within its own, from whose last checkpoint it goes on.
#pragma once

#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/train_run.hpp"

#include <string>

namespace moesim {

// "the first 30 of 600 steps train router.name = dense, ..."; empty: there are none.
std::string dense_steps_text(const Trainer& trainer);

// The path of the folder of dense steps.
std::string dense_folder(const std::string& run_folder);

// Builds the dense arm of this run: the same settings with router.name = dense and without [init].
Experiment build_dense(const Experiment& e, DataCache& data);

// The attempt that trains the dense steps of a run, until all are done.
Attempt dense_attempt(const Attempt& whole, const Experiment& e);

}  // namespace moesim
