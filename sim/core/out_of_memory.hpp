// What std::bad_alloc means, in whichever process it is caught (with Exit::internal).
#pragma once

namespace moesim {

inline constexpr const char* kOutOfMemory =
    "out of memory on the host; make the model, the batch or the data smaller";

}  // namespace moesim
