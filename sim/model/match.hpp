// Experts of a size that makes the arms of a comparison cost the same.
#pragma once

#include "sim/model/architecture.hpp"
#include "sim/model/transformer.hpp"

namespace moesim {

// The hidden width of experts with which the model of these settings comes nearest to the dense
// one: the same settings with router.name = dense, router.dense.width_factor = 1, no shared experts
// and expert.hidden as it stands. A multiple of 8 where that is within 1 % of it. Throws
// Exit::usage if no width comes within 5 %.
index matched_hidden(const ModelShape& shape, const Site& site, const Settings& settings,
                     Match measure);

}  // namespace moesim
