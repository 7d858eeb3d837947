// Blocks of emulated device memory.
#pragma once

#include <cstddef>
#include <functional>

namespace emulation {

// Allocates a block of bytes 0xff, which are NaN, and -1 as integers. An access past its end faults, and so does one of the host while
// memory is closed (set_closed in cuda_runtime.h).
char* take_block(std::size_t bytes);
// Frees the block that begins at p. -> its bytes. Aborts if no block begins there.
std::size_t release_block(void* p);
// Runs work of the device, which can access all blocks.
void on_device(const std::function<void()>& work);
void require(bool holds, const char* what);  // aborts with `what` unless it holds

}  // namespace emulation
