// Folding adds the changes of low-rank adapters to their matrices: W + α/r · A B (Hu et al. 2022).
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/train/upcycle.hpp"

namespace moesim {

// The tensors of the model without adapters; its function is the same but for rounding. Throws
// Exit::usage if it has none, or if they depend on the token (AdapterConfig::mixes).
HostTensors fold_adapters(const HostTensors& tensors, const Transformer& model);

}  // namespace moesim
