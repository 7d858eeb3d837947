// The two number types of the engine.
//
// Every source of the engine is built twice: with real = float (what runs) and with real = double
// (what the gradient, oracle and parity tests link), so that no kernel needs a template and no
// tensor a runtime type.
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
