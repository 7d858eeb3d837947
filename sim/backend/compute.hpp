// Compute is the number type to which factors of matrix products are rounded; sums and all other
// values are `real`.
#pragma once

namespace moesim {

// tf32 rounds factors to 11 bits and exists on some devices only.
enum class Compute { float32, bfloat16, tf32 };

}  // namespace moesim
