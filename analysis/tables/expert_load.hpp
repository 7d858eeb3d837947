// ExpertLoad is what each expert of one MoE layer was given: in one evaluation, or over a window of
// records of training.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct ExpertLoad {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  std::int64_t layer = 0;           // index of the block that carries the MoE layer
  std::vector<double> load = {};    // by expert, after capacity
  std::vector<double> demand = {};  // by expert, before capacity
  double assignments = kNone, dropped = kNone, router_entropy = kNone;
};

// What the loads of a run are: "assignments", or for plans that have weights in place of counts
// "combine mass", "merge mass" or "mass". Of a mixing plan (Soft MoE) the dispatch mass is the same
// for every expert, because the weights of a slot sum to 1, so combine mass says what is used.
std::string measure_of(const Run& run);

// The rows of an evaluation, counted from the last: the last is 0. None if the run has no
// evaluation, or none at that step.
std::optional<std::size_t> evaluation_of(const Run& run, const At& at);

// What the experts were given in the row of "eval" (prefix "eval_") or "record" (prefix ""),
// counted from the last. Empty if there is no such row, or no MoE layer.
std::vector<ExpertLoad> loads_of_row(const Run& run, const std::string& prefix,
                                     const std::string& dim, std::size_t from_last);

// One for each MoE layer. Empty for a run without MoE layers, or without that evaluation.
std::vector<ExpertLoad> loads_of_evaluation(const Run& run, const At& at);
// Sums over the last `window` records, and the mean of router_entropy over them.
std::vector<ExpertLoad> loads_of_records(const Run& run, std::size_t window);

// Each value over the mean of them all: 1 is balanced. NaN if all are 0.
std::vector<double> over_uniform(const std::vector<double>& load);
// exp of the entropy of the shares: as many experts as there are if all have the same, 1 if one has
// all. NaN if all are 0.
double effective_experts_of(const std::vector<double>& load);

// What of a run file those need.
Excerpt evaluation_excerpt(const At& at);
Excerpt records_excerpt(std::size_t window);
// The first dimension of a variable of evaluations is read from its end: its rows at `from_last`.
// Empty if it is not there, has other dimensions or fewer rows.
std::vector<double> row_from_last(const Run& run, const std::string& name,
                                  const std::vector<std::string>& dims, std::size_t from_last);

// More rows than any run has.
inline constexpr std::int64_t kAllRows = std::int64_t{1} << 40;

}  // namespace moesim
