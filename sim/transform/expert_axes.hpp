// ExpertAxes says which axis of a tensor counts experts, found by comparison with a model of the same
// settings and more experts. The length alone does not tell: a width may equal the number of experts.
#pragma once

#include "sim/train/optimiser.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// The axis of each tensor that has one entry per expert; tensors without such an axis are absent.
using ExpertAxes = std::map<std::string, std::size_t>;

// The number of values before and behind an axis: a tensor is [outer, shape[axis], inner].
struct AroundAxis {
  index outer = 1, inner = 1;
};
AroundAxis around(const std::vector<std::int64_t>& shape, std::size_t axis);

// own, wider: the tensors of models with `experts` and with `more` experts. Throws Exit::usage if a
// tensor differs in another way: its sizes follow from the number of experts, so that no experts can
// be taken from it (codes of ⌈log₂ E⌉ bits, widths that moe.match makes smaller).
ExpertAxes expert_axes(const std::vector<NamedTensor>& own, const std::vector<NamedTensor>& wider,
                       index experts, index more);

}  // namespace moesim
