// Copies single values to the host through pinned memory: one short copy, one synchronisation.
#pragma once

#include "sim/backend/cuda/cuda_backend.hpp"

#include <cstring>

namespace moesim {

template <class T>
T CudaBackend::to_host_value(const void* p) {
  copy_to_host(pinned_, p, sizeof(T));
  T value;
  std::memcpy(&value, pinned_, sizeof(T));
  return value;
}

}  // namespace moesim
