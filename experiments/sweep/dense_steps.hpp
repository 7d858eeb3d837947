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

// Trains the dense steps of a run, unless they are done or the run itself has begun: -> interrupted,
// or ok. Throws if they end in an error.
Ending train_dense_steps(const Attempt& whole, const Experiment& e, const Show& show);

// True if a checkpoint has all steps that an attempt asks for (Attempt::until).
bool has_steps(const Attempt& attempt);

}  // namespace moesim
