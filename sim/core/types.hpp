// `real` is the floating-point type of the engine (float or double, by build); `index` is its
// integer type.
//
// Every source that uses it is compiled twice: with real = float (training) and with real = double
// (tests of gradients, oracles and parity). So no kernel is a template and no tensor has a runtime
// type.
#pragma once

#include <cstdint>

#ifndef MOESIM_REAL
#define MOESIM_REAL float
#endif

namespace moesim {

#ifdef MOESIM_NEUTRAL
struct real;  // of sources that are built once: a value of it does not compile there
#else
using real = MOESIM_REAL;
#endif
using index = std::int64_t;

}  // namespace moesim
