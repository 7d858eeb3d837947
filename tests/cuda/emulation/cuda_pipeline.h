// Emulates asynchronous copies from device to shared memory. A copy happens at once or when its
// thread waits, by the order of threads that is set: code may rely on neither.
#pragma once

#include "cuda_runtime.h"
#include <cstddef>

// The last `zeros` bytes of `to` become 0 and are not read.
inline void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes,
                                    std::size_t zeros = 0) {
  if ((bytes != 4 && bytes != 8 && bytes != 16) || zeros > bytes)
    emulation::stop("an asynchronous copy of another size than 4, 8 or 16 bytes");
  if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 ||
      reinterpret_cast<std::uintptr_t>(from) % bytes != 0)
    emulation::stop("an asynchronous copy that is not aligned");
  emulation::copy_later(to, from, bytes, zeros);
}
inline void __pipeline_commit() { emulation::commit_copies(); }
inline void __pipeline_wait_prior(std::size_t groups) { emulation::finish_copies(groups); }
