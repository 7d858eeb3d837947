// The rows of the table of domains; see domains.hpp.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/tables/domain_use.hpp"

#include <cstddef>
#include <vector>

namespace moesim {

// An arm with several domains, and its complete runs.
struct ArmDomains {
  const Arm* arm;
  std::vector<const DomainUse*> runs;  // of the same domains, in the same order
};

struct DomainRows {
  Table table = {};
  std::vector<const Arm*> arms = {};  // of each row

  void add(const ArmDomains& use, std::vector<Cell> cells);
};

// The experts of a layer; 0 if no layer has several.
std::size_t experts_of(const ArmDomains& use);

// The columns of the table, and a row per domain and one for all, per layer, or per layer and
// expert.
void add_by_domain(const std::vector<ArmDomains>& uses, DomainRows& rows);
void add_by_layer(const std::vector<ArmDomains>& uses, DomainRows& rows);
void add_by_expert(const std::vector<ArmDomains>& uses, DomainRows& rows);

}  // namespace moesim
