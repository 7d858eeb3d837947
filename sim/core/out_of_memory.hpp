// A lack of memory: what it is called, and how it is told from other errors.
#pragma once

#include <exception>
#include <string_view>

namespace moesim {

// What std::bad_alloc means, in whichever process it is caught (with Exit::internal).
inline constexpr const char* kOutOfMemory =
    "out of memory on the host; make the model, the batch or the data smaller";

// True for the error of a device that has no such block left (Pool::take). Its message says so,
// whatever was put in front of it: errors that pass within() keep their text and code alone.
inline bool is_out_of_memory(const std::exception& error) {
  return std::string_view(error.what()).find("out of memory") != std::string_view::npos;
}

}  // namespace moesim
