// Converts DatasetInfo to JSON and back, for checkpoints and plans.
#pragma once

#include "sim/data/dataset.hpp"

#include <nlohmann/json_fwd.hpp>

namespace moesim {

nlohmann::ordered_json to_json(const DatasetInfo& info);

// Requires sizes and hash; other members may be missing (files of earlier versions). Throws
// nlohmann::json::exception, or Exit::data with the name of a member that is out of range.
DatasetInfo dataset_info(const nlohmann::ordered_json& json);

}  // namespace moesim
