// Arms whose steps consist of micro-batches.
#pragma once
#include "tests/train/kept.hpp"

namespace moesim::testing {

inline const std::vector<Values> kMicroArms = {
    {"router.name", "token_choice"},
    {"router.name", "soft", "model.tied", "true"},
    {"router.name", "expert_choice", "model.dropout", "0.1", "model.positions", "rotary"},
    {"router.name", "dense", "task.name", "masked_lm"},
    {"router.name", "token_choice", "train.z_weight", "0.1"}};

}  // namespace moesim::testing
