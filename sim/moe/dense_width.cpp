#include "sim/moe/dense_width.hpp"

namespace moesim {

index read_dense_width(Options& options) {
  return options.integer(
      "width_factor", 1, {1, 1024},
      "hidden width in multiples of expert.hidden: set it to the k of the arm it is compared with");
}

}  // namespace moesim
