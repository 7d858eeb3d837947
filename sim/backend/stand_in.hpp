// stand_in() makes a device without memory, for planning runs on machines that lack the real
// device.
#pragma once

#include "sim/backend/backend.hpp"

namespace moesim {

// Makes a backend with the device's name and compute modes, but no memory; for "cpu", the CPU
// itself. Throws as make_backend does, except for a device that this machine lacks.
std::unique_ptr<Backend> stand_in(const std::string& device, int threads);

}  // namespace moesim
