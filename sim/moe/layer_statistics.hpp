// LayerStatistics holds the statistics of one MoE layer over one or more passes, on the host.
// all_statistics() is the table of the recorded ones; analysis/FORMAT.md defines each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// A metric of the router (Routing::metrics), averaged over the passes that returned it, weighted by
// their tokens.
struct MetricSum {
  std::string name;
  double sum = 0;     // Σ value · tokens
  double tokens = 0;  // Σ tokens
  double mean() const { return sum / tokens; }
};

// Sums over passes; add() merges two.
struct LayerStatistics {
  std::vector<double> demand;       // [E] assignments before capacity (mixing, merging: mass)
  std::vector<double> load;         // [E] rows processed, after capacity (mixing, merging: mass)
  std::vector<double> importance;   // [E] Σ over tokens of the weight given to the expert's output
  double tokens = 0;                // all tokens
  double rows = 0;                  // rows of expert compute for them
  double assignments = 0;           // Σ demand
  double dropped = 0;               // assignments that capacity dropped
  double unrouted = 0;              // tokens without any row of compute
  double entropy = 0;               // Σ over rows of scores of their entropy, in nats
  double scored = 0;                // rows of scores behind `entropy`
  std::vector<double> domain_load;  // [domains, E] weight of each expert in each domain's tokens;
                                    // empty without domains
  std::vector<MetricSum> metrics;   // in order of their first pass
  std::string plan;                 // plan_name of the last pass

  void add(const LayerStatistics& other);
  double mean_entropy() const;    // NaN without scores
  double rows_per_token() const;  // NaN without tokens
};

// The distinct plan names of these layers, separated by commas: "assignment".
std::string plan_kinds(const std::vector<LayerStatistics>& layers);

// One recorded variable: NAME (record, layer[, expert]), and eval_NAME over evaluations.
struct Statistic {
  enum class Per { expert, layer };
  const char* name;
  Per per;
  const char* units;
  const char* long_name;
  const char* description;
  std::vector<double> (*get)(const LayerStatistics&);  // [E] or [1]
};
std::span<const Statistic> all_statistics();

// The statistic of a variable, by its name with or without "eval_"; or null.
const Statistic* find_statistic(std::string_view variable);

}  // namespace moesim
