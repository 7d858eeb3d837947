// What a data set says about itself, as JSON: for checkpoints and for plans.
#pragma once

#include "sim/data/dataset.hpp"

#include <nlohmann/json_fwd.hpp>

namespace moesim {

nlohmann::ordered_json to_json(const DatasetInfo& info);

// Sizes and hash must be there, other members may be missing (files of earlier versions). Throws
// nlohmann::json::exception, or Exit::data with the member's name for what is out of range.
DatasetInfo dataset_info(const nlohmann::ordered_json& json);

}  // namespace moesim
