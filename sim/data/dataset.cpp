#include "sim/data/dataset.hpp"

namespace moesim {

std::string Dataset::decode(const std::vector<std::int32_t>&) const { return {}; }

std::vector<std::int32_t> Dataset::encode(const std::string&) const { return {}; }

}  // namespace moesim
