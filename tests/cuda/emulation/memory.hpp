// Blocks of emulated device memory.
#pragma once

#include <cstddef>
#include <functional>

namespace emulation {

// A block of NaN, and of -1 as integers; an access behind its end faults. The host cannot access it, unless memory is open (set_closed).
char* take_block(std::size_t bytes);
// Returns its size. Anything else than the beginning of a block aborts.
std::size_t release_block(void* p);
// Runs work of the device, which can access all blocks.
void on_device(const std::function<void()>& work);
void require(bool holds, const char* what);  // aborts with `what` unless it holds

}  // namespace emulation
