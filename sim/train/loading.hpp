// load_checkpoint() checks that a checkpoint fits a model and restores it. A checksum proves that
// the file is intact, not that it fits.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/train/trainer.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct TensorFile;

// The lengths of the axes, as files of tensors list them.
std::vector<std::int64_t> lengths_of(const Shape& shape);

// Reads `checkpoint`: newest, best or a step.
std::string read_checkpoint_choice(Options& options, const std::string& help);

// Position and number of updates, as metadata of the state's file.
std::map<std::string, std::string> metadata_of(const Trainer& trainer);

// The same of a file of state; its metadata were checked, or the numbers are -1.
std::pair<Position, index> position_of(const TensorFile& state);

// Reasons why this checkpoint cannot be restored, one line each: tensors that are missing, unknown,
// of another type or shape, or with NaN or infinity; invalid positions. The trainer need not have
// been started. Empty: load_checkpoint() will succeed.
std::vector<std::string> problems_of(const Checkpoint& checkpoint, const Trainer& trainer);
// The same without a model to compare with: unreadable tensors, NaN or infinity.
std::vector<std::string> problems_of(const Checkpoint& checkpoint);

// Restores parameters, optimiser state, buffers and position of a trainer that was started. Throws
// Exit::data with the first problem, and then leaves the trainer unchanged.
void load_checkpoint(const Checkpoint& checkpoint, Trainer& trainer);
// Throws Exit::data with the first reason why load_weights() fails. The trainer need not have been
// started.
void require_weights(const Checkpoint& checkpoint, const Trainer& trainer);
// Restores only parameters and buffers, of a checkpoint that may have been read without its state.
void load_weights(const Checkpoint& checkpoint, Trainer& trainer);

}  // namespace moesim
