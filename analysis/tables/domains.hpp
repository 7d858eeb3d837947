// Builds the domains table: loss and expert load by domain, and how much experts specialise in
// domains.
//
// With n(d, e) the load that domain d gives to expert e of a layer (domain_load: assignments or
// mass), the share of the domain that goes to the expert is s(d, e) = n(d, e) / sum over e of n(d,
// e). Jiang et al. (Mixtral, 2024) report it by layer, Zhong et al. (Lory, 2024) report the same
// for routing weights. Muennighoff et al. (OLMoE, 2024) divide by the tokens of the domain instead,
// which is k times as large where k experts take each token. The columns are
//
//   top expert    max over e of s(d, e): 1 / E without any preference, 1 if one expert has all
//   entropy       -sum over e of s(d, e) log s(d, e), over log E: 1 if all experts are used alike;
//                 Zoph et al. (ST-MoE, 2022) compare the entropy of a class of tokens with log E
//   NMI           mutual information of expert and domain over the entropy of the domain, as
//                 recorded (eval_domain_nmi): 0 none, 1 the expert determines the domain
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/at.hpp"
#include "analysis/runs/load.hpp"

#include <string>
#include <vector>

namespace moesim {

struct DomainsOptions {
  enum class By {
    domain,  // a row per arm and domain, and one for all: means over layers
    layer,   // a row per arm and layer: NMI, and the share of the top expert of each domain
    expert,  // a row per arm, layer and expert: the share of each domain
  };
  By by = By::domain;
  At at = {};
  std::vector<std::string> arms = {};  // empty: all
  std::string baseline = {};           // by domain; empty: as in RoutersOptions
};

// Parses "domain", "layer" or "expert". Throws Exit::usage.
DomainsOptions::By domains_by(const std::string& text);

// Builds the table of means over complete runs. Throws Exit::usage for an unknown arm or
// evaluation, and Exit::data if no run has domains.
Table domains_table(const Request& request, const DomainsOptions& options);

}  // namespace moesim
