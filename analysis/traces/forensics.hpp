// forensics_table() says which tokens capacity drops: by position in the sequence, by frequency of the
// token id, or by domain.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/traces/cases.hpp"

#include <string>
#include <vector>

namespace moesim {

// The Gini coefficient of the rates part / whole, weighted by whole: 0 if all are equal, near 1 if
// few have all. NaN without any part.
double gini(const std::vector<double>& part, const std::vector<double>& whole);

enum class WhatIfBy { position, frequency, domain };

// One row per file, group, fill, factor and bin, over all MoE layers and traces of the file. Bins of
// positions are equal ranges, at most 16; those of frequency are ranks 1, 2-3, 4-7, … of token ids,
// the most frequent in the traces first. Notes have Gini coefficients, and how many tokens are
// dropped in every layer.
Table forensics_table(const std::vector<std::string>& paths, const WhatIfOptions& options,
                      WhatIfBy by);

}  // namespace moesim
