// kOutOfMemory is the message of out-of-memory errors; is_out_of_memory() recognises them.
#pragma once

#include <exception>
#include <string_view>

namespace moesim {

// Message for std::bad_alloc, in every process that catches it (with Exit::internal).
inline constexpr const char* kOutOfMemory =
    "out of memory on the host; make the model, the batch or the data smaller";

// True if the error is that a device is out of memory (Pool::take). It tests the text, because
// within() keeps only text and exit code of an error and prefixes the text.
inline bool is_out_of_memory(const std::exception& error) {
  return std::string_view(error.what()).find("out of memory") != std::string_view::npos;
}

}  // namespace moesim
