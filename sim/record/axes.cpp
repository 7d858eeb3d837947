#include "sim/record/axes.hpp"

#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(count, size, &count))
      fail_in("run file", "a shape has more elements than can be counted");
  return count;
}

bool is_coordinate(const Variable& variable) {
  return variable.dims.size() == 1 && variable.dims[0] == variable.name;
}

std::vector<Axis> axes_of(const std::vector<Variable>& variables) {
  struct Source {
    Axis axis;
    const Variable* first;
  };
  std::vector<Source> sources;
  const auto find = [&](const std::string& name) {
    return std::find_if(sources.begin(), sources.end(),
                        [&](const Source& source) { return source.axis.name == name; });
  };

  for (const Variable& variable : variables) {
    for (std::size_t i = 0; i < variable.dims.size(); ++i) {
      const bool growing = variable.growing && i == 0;
      const auto found = find(variable.dims[i]);
      if (found == sources.end()) {
        sources.push_back({{variable.dims[i], variable.shape[i], growing}, &variable});
      } else if (found->axis.size != variable.shape[i]) {
        fail_in("run file", "dimension " + variable.dims[i] + " is " +
                                std::to_string(found->axis.size) + " long in " +
                                found->first->name + " and " + std::to_string(variable.shape[i]) +
                                " in " + variable.name);
      } else {
        found->axis.growing |= growing;
      }
    }
  }
  for (const Variable& variable : variables)
    if (!is_coordinate(variable) && find(variable.name) != sources.end())
      fail_in("run file", "variable " + variable.name +
                              " has the name of a dimension, but is not its list of labels");

  std::vector<Axis> axes;
  for (const Source& source : sources) axes.push_back(source.axis);
  return axes;
}

}  // namespace moesim
