// serve_tables() lays out the document of moesim bench --serve.
#pragma once

#include "analysis/render/table.hpp"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace moesim {

// Times, experts of a pass, hits of expert caches, and parameters by kind.
std::vector<Table> serve_tables(const nlohmann::ordered_json& document);

}  // namespace moesim
