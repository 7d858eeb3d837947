// Describes and trains the dense steps of a run with init.at: the first steps of its dense arm, in the
// folder "dense" within its own, from whose last checkpoint it goes on.
#pragma once

#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/train_run.hpp"

#include <string>

namespace moesim {

// "the first 30 of 600 steps train router.name = dense, ..."; empty: there are none.
std::string dense_steps_text(const Trainer& trainer);

// Builds the dense arm of this run: the same settings with router.name = dense and without [init], and of
// [freeze] without the patterns that match nothing there.
Experiment build_dense(const Experiment& e, DataCache& data);

// Trains the dense steps of a run, unless they are done or the run itself has begun: -> interrupted,
// or ok. Publishes the run's own file first, without steps, so that tables name the run meanwhile. Throws if they end in an error.
Ending train_dense_steps(const Attempt& whole, Experiment& e, const Show& show);

// True if a checkpoint has all steps that an attempt asks for (Attempt::until).
bool has_steps(const Attempt& attempt);

}  // namespace moesim
