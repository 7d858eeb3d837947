// Starts adapters on a trained model. Those of matrices ([adapter], sim/nn/adapter.hpp) start as the model of
// the other run. The frozen networks of experts such as `lora` are the feed-forward networks of a
// dense run (Hu et al. 2022; Li et al. 2024, "MixLoRA"). The low-rank factors start with B = 0, so
// that the model is the dense one if the gates of every token sum to 1.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/train/upcycle.hpp"

#include <set>
#include <string>

namespace moesim {

// Adds tensors for the frozen networks of the model's experts to those of a dense model. -> names of
// what is drawn: adapters, and in layers whose experts adapt what these add, and the router. Throws
// Exit::usage if nothing adapts, or if the dense model has other networks.
std::set<std::string> adapt(HostTensors& tensors, const Transformer& model);

// Says in [init] which parameters init.method = adapter draws.
void explain_adapting(const Options& init, const Transformer& model);

}  // namespace moesim
