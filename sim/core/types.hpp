// `real` and `index` are the number types of the engine.
//
// Every source of the engine is compiled twice: with real = float (training) and with real = double
// (tests of gradients, oracles and parity). So no kernel is a template and no tensor has a runtime
// type.
#pragma once

#include <cstdint>

#ifndef MOESIM_REAL
#define MOESIM_REAL float
#endif

namespace moesim {

using real = MOESIM_REAL;
using index = std::int64_t;

}  // namespace moesim
