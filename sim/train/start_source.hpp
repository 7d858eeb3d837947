// StartSource is what a run takes from a checkpoint of another run, computed before anything of its
// own is changed.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/train/start.hpp"

#include <set>
#include <string>
#include <vector>

namespace moesim {

struct StartSource {
  index step = 0;
  std::string weights_sha256;
  Position position{};          // of the training (init.position); else at step 0
  index updates = 0;            // of the optimiser (init.optimiser); else 0
  HostTensors tensors;          // under the names of this model
  std::set<std::string> taken;  // names of the model's tensors that they give values
  HostTensors moments;          // of the optimiser, under its names ("adamw.first.head")
  std::vector<UpcycledLayer> layers;
  std::set<std::string> drawn;  // by adapters
};

// What a start reads of the checkpoint.
CheckpointParts parts_of(const Start& start);

// weights and state: names and shapes of the model's tensors, and of the optimiser's. Throws as
// Start::load() does.
StartSource read_start_source(const Start& start, const NamedShapes& weights,
                              const NamedShapes& state, const Transformer& model,
                              std::uint64_t seed);

// Throws Exit::usage if the experts of this model cannot be made of a dense model with tensors of
// these names and shapes.
void require_dense(const Start& start, const NamedShapes& dense, const NamedShapes& weights,
                   const Transformer& model, std::uint64_t seed);

}  // namespace moesim
