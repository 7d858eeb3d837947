// Adapters on a trained model: the frozen networks of experts such as `lora` are the feed-forward
// networks of a dense run (Hu et al. 2022; Li et al. 2024, "MixLoRA"). The low-rank factors start with
// B = 0, so that the model is the dense one if the gates of every token sum to 1.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/train/upcycle.hpp"

#include <set>
#include <string>

namespace moesim {

// Adds tensors for the frozen networks of the model's experts to those of a dense model. -> names of
// what is drawn in the layers that adapt: what experts add, and the router. Throws Exit::usage if no
// experts adapt, or if the dense model has other networks.
std::set<std::string> adapt(HostTensors& tensors, const Transformer& model);

}  // namespace moesim
