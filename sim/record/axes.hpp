// Checks the variables of a run file before it is written and after it is read: consistent
// dimensions and conservation of assignments.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Axis is a dimension, shared by all variables that name it.
struct Axis {
  std::string name;
  std::int64_t size = 0;
  bool growing = false;
};

// The dimensions, in the order in which the variables first name them. Throws Exit::internal if two
// variables disagree on a length, or if a variable named like a dimension does not hold its labels.
std::vector<Axis> axes_of(const std::vector<Variable>& variables);

// True for the labels of an axis: one-dimensional and named like its dimension.
bool is_coordinate(const Variable& variable);

// The number of elements of a shape. Throws Exit::internal if it overflows.
std::int64_t count_of(const std::vector<std::int64_t>& shape);

// Checks the laws of analysis/FORMAT.md: sum of demand = assignments; assignments = sum of load +
// dropped. Covers the rows outside finished blocks. Throws Exit::internal with the variables, the
// record (counted from `first`), the layer and both sides.
void check_conservation(const RunFile& run, std::int64_t first = 0);
// The dimensions along which these laws hold, each with the variables that it relates.
const std::vector<std::pair<std::string, std::vector<std::string>>>& conserved_families();

}  // namespace moesim
