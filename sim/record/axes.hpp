// What must hold of the variables of a run file before it is written, and after it was read.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// A dimension, shared by all variables that name it.
struct Axis {
  std::string name;
  std::int64_t size = 0;
  bool growing = false;
};

// The dimensions in the order in which the variables name them. Throws Exit::internal if two
// variables disagree on a length, or if a variable has the name of a dimension without being its
// labels.
std::vector<Axis> axes_of(const std::vector<Variable>& variables);

// One-dimensional and named as its dimension: the labels of an axis.
bool is_coordinate(const Variable& variable);

// The number of elements of a shape. Throws Exit::internal if it does not fit.
std::int64_t count_of(const std::vector<std::int64_t>& shape);

// The laws of analysis/FORMAT.md: sum of demand = assignments; assignments = sum of load + dropped.
// Of the rows that are in no finished block. Throws Exit::internal naming the variables, the record
// (counted from `first`), the layer and both sides.
void check_conservation(const RunFile& run, std::int64_t first = 0);
// The dimensions along which they hold, and the variables that they name.
const std::vector<std::pair<std::string, std::vector<std::string>>>& conserved_families();

}  // namespace moesim
