// DomainUse is the loss and the expert load by domain, of one run at one evaluation.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// DomainLayer is the load of one layer by domain and expert; see domains.hpp.
struct DomainLayer {
  std::int64_t layer = 0;                  // index of the block
  std::vector<std::vector<double>> share;  // [domain][expert]: share of the domain's load
  std::vector<double> all;                 // [expert]: share of the load of all domains
  std::vector<double> part;                // [domain]: share of the load of all domains
  double nmi = 0;                          // NaN if not recorded
};

struct DomainUse {
  std::vector<std::string> names;       // of domains; empty if the run has none
  std::vector<double> loss, regret;     // [domain]; NaN where unknown
  std::vector<double> targets;          // [domain]: predictions; empty if not recorded
  double loss_all = 0, regret_all = 0;  // over all targets
  std::vector<DomainLayer> layers;      // those with several experts
  std::string measure;                  // see measure_of
  bool evaluated = false;               // the run has the evaluation
};

DomainUse domain_use_of(const Run& run, const At& at);
Excerpt domain_excerpt(const At& at);  // variables that are read

// Return the largest share, and the entropy of the shares over log E. NaN if nothing was processed.
double top_share(const std::vector<double>& shares);
double normalised_entropy_of(const std::vector<double>& shares);

}  // namespace moesim
