// Gives a run what it has of other runs: initial weights ([init]) and a teacher ([distil]).
#pragma once

#include "experiments/sweep/experiment.hpp"

#include <functional>
#include <string>

namespace moesim {

// Loads the weights that [init] names into a started trainer, if it names any. Experts that are made
// of dense networks (init.method = upcycle) are compared with the source on the validation
// sequences. Reports through `say`, and sets the attributes init_*, tokens_before and flops_before.
void take_start(Experiment& e, int threads, const std::function<void(const std::string&)>& say);

// Throws Exit::usage if a source has other tokens or outputs than this run. name: "init.from = DIR".
void require_same_task(const std::string& name, const Experiment& source, const Experiment& e);

// Records what was trained before, as tokens_before and flops_before: by the source up to this step
// of the run in `folder`, and by what that was made from.
void record_cost_before(RunFile& file, const Experiment& source, const std::string& folder,
                        index step);

// Checks that the runs of init.from and distil.teacher can be loaded and fit. Throws as take_start()
// and take_teacher() do, before anything of this run is discarded. Needs no device and no memory for
// the parameters of this run.
void require_sources(const Experiment& e);

// Gives the trainer its teacher, if [distil] names one; also to a resumed run. Sets the attributes
// teacher_*. Throws Exit::usage if the teacher was trained on another vocabulary, Exit::data if a
// resumed run had another one.
void take_teacher(Experiment& e, int threads, const std::function<void(const std::string&)>& say);

}  // namespace moesim
