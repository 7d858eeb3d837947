// Device is memory with the few operations that tensors and the tape call: allocate, copy, zero,
// fill, axpy. Backend (sim/backend/backend.hpp) adds the kernels.
#pragma once

#include "sim/core/storage.hpp"
#include "sim/core/types.hpp"

namespace moesim {

class Device : public Pool {
 public:
  // Throws Exit::internal with the size if memory is exhausted.
  Storage allocate(std::size_t bytes);
  // Blocks until the values are on the host.
  virtual void copy_to_host(void* host, const void* device, std::size_t bytes) = 0;
  virtual void copy_from_host(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void zero(void* p, std::size_t bytes) = 0;
  virtual void fill(real* p, index n, real value) = 0;
  virtual void axpy(real alpha, const real* x, real* y, index n) = 0;  // y += alpha x
};

}  // namespace moesim
