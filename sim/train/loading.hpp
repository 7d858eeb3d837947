// Loading checks that a checkpoint fits a model, and gives it to that model. A right checksum says
// that a file is what was written, not that it fits.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/train/trainer.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

// CheckpointInfo::number of this build.
inline constexpr const char* kNumberName = sizeof(real) == 4 ? "F32" : "F64";

// Position and number of updates, as metadata of the state's file.
std::map<std::string, std::string> metadata_of(const Trainer& trainer);

// What keeps this checkpoint from being taken up, one line each: tensors that are missing, unknown,
// of another type or shape, or hold values that are not finite; positions that are none. The
// trainer need not have been started. Empty: load_checkpoint() will not fail.
std::vector<std::string> problems_of(const Checkpoint& checkpoint, const Trainer& trainer);
// The same where there is no model to compare with: tensors that are none, values that are not
// finite.
std::vector<std::string> problems_of(const Checkpoint& checkpoint);

// Gives parameters, what the optimiser keeps, buffers and position to a trainer that was started.
// Throws Exit::data with the first of the problems; the trainer is as it was then.
void load_checkpoint(const Checkpoint& checkpoint, Trainer& trainer);

}  // namespace moesim
