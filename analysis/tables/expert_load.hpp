// ExpertLoad is the load of each expert of one MoE layer, in one evaluation or over a window of
// training records.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"
#include "analysis/statistics/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct ExpertLoad {
  std::int64_t layer = 0;           // block index of the MoE layer
  std::vector<double> load = {};    // per expert, after capacity
  std::vector<double> demand = {};  // per expert, before capacity
  double assignments = kNone, dropped = kNone, router_entropy = kNone;
};

// Returns the unit of a run's loads: "assignments", or for plans with weights instead of counts
// "combine mass", "merge mass" or "mass". A mixing plan (Soft MoE) uses combine mass, because its
// dispatch mass is the same for every expert: the weights of a slot sum to 1.
std::string measure_of(const Run& run);

// Returns the row of an evaluation, counted from the last (0). Nothing if the run has no
// evaluation, or none at that step.
std::optional<std::size_t> evaluation_of(const Run& run, const At& at);

// Returns the load per layer in one row of "eval" (prefix "eval_") or "record" (prefix ""), counted
// from the last. Empty if there is no such row or no MoE layer.
std::vector<ExpertLoad> loads_of_row(const Run& run, const std::string& prefix,
                                     const std::string& dim, std::size_t from_last);

// Returns the load of each MoE layer at an evaluation. Empty for a run without MoE layers or
// without that evaluation.
std::vector<ExpertLoad> loads_of_evaluation(const Run& run, const At& at);
// Returns sums over the last `window` records, and the mean of router_entropy over them.
std::vector<ExpertLoad> loads_of_records(const Run& run, std::size_t window);

// Divides each value by the mean of all: 1 is balanced. NaN if all are 0.
std::vector<double> over_uniform(const std::vector<double>& load);
// Returns exp of the entropy of the shares: E if all experts have the same load, 1 if one expert
// has all. NaN if all are 0.
double effective_experts_of(const std::vector<double>& load);

// Returns the variables that these functions read.
Excerpt evaluation_excerpt(const At& at);
Excerpt records_excerpt(std::size_t window);
// Returns a row of a variable over evaluations, counted from the last. Empty if the variable is
// missing, has other dimensions or fewer rows.
std::vector<double> row_from_last(const Run& run, const std::string& name,
                                  const std::vector<std::string>& dims, std::size_t from_last);

// Larger than the number of rows of any run.
inline constexpr std::int64_t kAllRows = std::int64_t{1} << 40;

}  // namespace moesim
