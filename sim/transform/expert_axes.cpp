#include "sim/transform/expert_axes.hpp"

#include "sim/core/error.hpp"
#include "sim/train/loading.hpp"

namespace moesim {
namespace {

// The only axis in which a is `experts` and b is `more` long; -1: there is none, or others differ.
int differing_axis(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b,
                   index experts, index more) {
  int axis = -1;
  if (a.size() != b.size()) return -1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (axis >= 0 || a[i] != experts || b[i] != more) return -1;
    axis = static_cast<int>(i);
  }
  return axis;
}

}  // namespace

AroundAxis around(const std::vector<std::int64_t>& shape, std::size_t axis) {
  AroundAxis sizes;
  for (std::size_t i = 0; i < axis; ++i) sizes.outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) sizes.inner *= shape[i];
  return sizes;
}

ExpertAxes expert_axes(const std::vector<NamedTensor>& own, const std::vector<NamedTensor>& wider,
                       index experts, index more) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const NamedTensor& tensor : wider) shapes[tensor.name] = lengths_of(tensor.value.shape());
  ExpertAxes axes;
  for (const NamedTensor& tensor : own) {
    const std::vector<std::int64_t> shape = lengths_of(tensor.value.shape());
    const auto other = shapes.find(tensor.name);
    if (other != shapes.end() && other->second == shape) continue;
    const int axis =
        other == shapes.end() ? -1 : differing_axis(shape, other->second, experts, more);
    if (axis < 0)
      fail(Exit::usage, tensor.name +
                            " has sizes that follow from the number of experts, so no "
                            "experts can be taken from it; choose another run (with "
                            "moe.match: set moe.match=none and expert.hidden)");
    axes[tensor.name] = static_cast<std::size_t>(axis);
  }
  return axes;
}

}  // namespace moesim
