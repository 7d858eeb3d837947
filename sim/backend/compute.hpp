// Compute is the type of the factors of the model's products; sums and all other values are `real`.
#pragma once

namespace moesim {

// tf32 rounds factors to 11 bits and exists on some devices only.
enum class Compute { float32, bfloat16, tf32 };

}  // namespace moesim
