// matched_hidden() finds the hidden width at which the arms of a comparison have equal cost.
#pragma once

#include "sim/model/architecture.hpp"
#include "sim/model/transformer.hpp"

namespace moesim {

// The hidden width of experts at which the model of these settings is nearest to the dense one in
// moe.match. The dense model has the same settings with router.name = dense,
// router.dense.width_factor = 1, no shared experts and expert.hidden as configured. The result is a
// multiple of 8 if that is within 1 %. Adapters do not count, in either model: a model has the same
// width with them and without. Throws Exit::usage if no width is within 5 %.
index matched_hidden(const ModelShape& shape, const Site& site, const Settings& settings,
                     Match measure);

}  // namespace moesim
