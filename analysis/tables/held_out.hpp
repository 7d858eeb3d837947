// Computes losses by domain, of one arm and against a baseline: of single domains, and over those that
// were trained on and those that were held out (data.held_out).
#pragma once

#include "analysis/statistics/difference.hpp"
#include "analysis/statistics/ratio.hpp"
#include "analysis/tables/domain_rows.hpp"

#include <functional>
#include <vector>

namespace moesim {

// A loss of a run; NaN if it has none.
using DomainLossOf = std::function<double(const DomainUse&)>;

// By domain: true if the arm holds it out of training. Empty: the arm holds out none.
std::vector<bool> held_out_of(const ArmDomains& use);

// The loss over all predictions in the domains that are held out, or in the others.
DomainLossOf loss_over(const std::vector<bool>& held_out, bool which);

// Differences of the losses from the baseline's by common seed.
Difference loss_difference(const ArmDomains& use, const ArmDomains& baseline,
                           const DomainLossOf& loss);

// The gain over the baseline, baseline - arm, on held-out domains over that on trained ones (Zhong et
// al. 2024, Lory, compare gains in and out of distribution), by common seed.
RatioEstimate gain_ratio(const ArmDomains& use, const ArmDomains& baseline);

}  // namespace moesim
