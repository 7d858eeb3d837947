// Computes the share of a teacher's gain over the baseline that other arms keep (Fedus et al. 2022, table 6):
// (L_baseline - L) / (L_baseline - L_teacher), over the seeds that the three arms share.
#pragma once

#include "analysis/runs/arms.hpp"
#include "analysis/statistics/ratio.hpp"
#include "analysis/tables/router_columns.hpp"

#include <string>
#include <vector>

namespace moesim {

// The losses of `dense` and `teacher` are in nats, or any one unit.
RatioEstimate preserved_share(const BySeed& dense, const BySeed& student, const BySeed& teacher);

// The share in percent, and its interval; "not measurable" where the teacher's gain is within noise,
// and "no gain" where its loss is higher than the baseline's.
// The arms must outlive the columns.
std::vector<RouterColumn> preserved_columns(const Arm& baseline, const Arm& teacher);
// What the columns are, and over how many seeds the shares of those of the arms are that have more.
std::string preserved_note(const Arm& baseline, const Arm& teacher, const std::vector<Arm>& arms);

}  // namespace moesim
