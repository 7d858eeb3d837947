// Builds the rows of the domains table (defined in domains.hpp).
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/tables/domain_use.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace moesim {

// ArmDomains is an arm whose data have several domains, and its complete runs.
struct ArmDomains {
  const Arm* arm;
  std::vector<const DomainUse*> runs = {};  // with the same domains, in the same order
  // The seed of each; none: it records no seed.
  std::vector<std::optional<std::int64_t>> seeds = {};
};

struct DomainRows {
  Table table = {};
  std::vector<const Arm*> arms = {};  // one per row

  void add(const ArmDomains& use, std::vector<Cell> cells);
};

// Returns the number of experts of a layer; 0 if no layer has several.
std::size_t experts_of(const ArmDomains& use);

// Add the columns, and one row per domain and one for all, per layer, or per layer and expert. By
// domain: losses are compared with those of `baseline`, one of `uses` or null.
void add_by_domain(const std::vector<ArmDomains>& uses, const ArmDomains* baseline,
                   DomainRows& rows);
void add_by_layer(const std::vector<ArmDomains>& uses, DomainRows& rows);
void add_by_expert(const std::vector<ArmDomains>& uses, DomainRows& rows);

}  // namespace moesim
