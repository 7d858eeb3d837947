#include "sim/core/number.hpp"

#include "sim/core/types.hpp"

namespace moesim {

std::size_t number_bytes() { return sizeof(real); }

const char* number_name() { return sizeof(real) == sizeof(float) ? "F32" : "F64"; }

}  // namespace moesim
