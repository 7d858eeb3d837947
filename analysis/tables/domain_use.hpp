// DomainUse is loss and load by domain of one run at one evaluation.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// The load of a layer: experts × domains, and what is made of it; see domains.hpp.
struct DomainLayer {
  std::int64_t layer = 0;                  // index of the block
  std::vector<std::vector<double>> share;  // [domain][expert]: of the domain's load
  std::vector<double> all;                 // [expert]: the same of all domains together
  std::vector<double> part;                // [domain]: of the load of all domains
  double nmi = 0;                          // NaN if not recorded
};

struct DomainUse {
  std::vector<std::string> names;       // of domains; empty if the run has none
  std::vector<double> loss, regret;     // [domain]; NaN where unknown
  double loss_all = 0, regret_all = 0;  // of all targets
  std::vector<DomainLayer> layers;      // those with several experts
  std::string measure;                  // see measure_of
  bool evaluated = false;               // it has that evaluation
};

DomainUse domain_use_of(const Run& run, const At& at);
Excerpt domain_excerpt(const At& at);  // what that needs

// The largest share, and the entropy of the shares over log E. NaN if nothing was processed.
double top_share(const std::vector<double>& shares);
double normalised_entropy_of(const std::vector<double>& shares);

}  // namespace moesim
