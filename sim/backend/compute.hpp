// Compute is the type of the factors of the model's products; sums and everything else are `real`.
#pragma once

namespace moesim {

// tf32, which rounds factors to 11 bits, is something that only some devices have.
enum class Compute { float32, bfloat16, tf32 };

}  // namespace moesim
