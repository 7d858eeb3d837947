// Parts of parameters that an oracle file stores as arrays of their own, or turned.
#pragma once

#include "tests/support/oracle_layer.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

// The stored array params/<stored> is a piece of a parameter, from its value `first` on; `turned`:
// each of its matrices (the last two axes) is transposed there.
struct Part {
  std::string stored;
  Tensor value;
  index first = 0;
  bool turned = false;

  std::size_t at(index i, const StoredArray& array) const {
    const index cols = array.dims.back();
    const index rows = array.dims.size() > 1 ? array.dims[array.dims.size() - 2] : 1;
    const index matrix = i / (rows * cols), rest = i % (rows * cols);
    const index place = turned ? rest % cols * rows + rest / cols : rest;
    return static_cast<std::size_t>(first + matrix * rows * cols + place);
  }
  void load(Oracle& oracle) const {
    const StoredArray& array = oracle.input("params/" + stored);
    if (!value.allocated()) value.allocate(test_backend());
    std::vector<real> all = value.to_host();
    for (index i = 0; i < array.size(); ++i)
      all.at(at(i, array)) = static_cast<real>(array.values[static_cast<std::size_t>(i)]);
    value.from_host(all);
  }
  void compare_gradient(Oracle& oracle) const {
    const StoredArray& array = oracle.input("params/" + stored);
    const std::vector<double> all = gradient_or_zeros(value);
    std::vector<double> own;
    for (index i = 0; i < array.size(); ++i) own.push_back(all.at(at(i, array)));
    oracle.compare("grad/params/" + stored, own);
  }
};

// routing/topk_index and topk_gate, in any order: the plan has these choices and no other.
inline void compare_choices(Oracle& oracle, const Sent& plan) {
  const std::vector<double> chosen = oracle.input("routing/topk_index").values;
  for (const double n : at_columns(plan.kept, plan.experts, chosen))
    oracle.require(n == 1, "another expert is chosen");
  oracle.require(plan.rows == static_cast<double>(chosen.size()), "another number of choices");
  oracle.compare("routing/topk_gate", at_columns(plan.gate, plan.experts, chosen));
}

}  // namespace moesim::testing
