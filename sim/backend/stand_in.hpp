// Takes the place of a device while a run is planned, on a machine that need not have it.
#pragma once

#include "sim/backend/backend.hpp"

namespace moesim {

// Of the device's name and compute modes, without memory; of "cpu", the CPU itself. Throws as
// make_backend, but not for a device that is not here.
std::unique_ptr<Backend> stand_in(const std::string& device, int threads);

}  // namespace moesim
