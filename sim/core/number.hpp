// number_bytes() and number_name() are the size and the name of `real`, for sources that are built once.
#pragma once

#include <cstddef>

namespace moesim {

std::size_t number_bytes();  // 4 or 8
// "F32" or "F64", as files of tensors call it (CheckpointInfo::number).
const char* number_name();

}  // namespace moesim
