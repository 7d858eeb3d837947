// Chooses among the settings that tell arms apart (telling_settings), and names them.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns true if `other` is the hash of the data, which varies with the setting `key`.
bool setting_follows(const std::string& other, const std::string& key);

// Returns true if the arm's router is dense.
bool is_dense_arm(const Arm& arm);

// Returns the setting that varies; an error if there is none or more than one.
std::string only_swept_key(const std::vector<Arm>& arms);

// Returns "router" for router.name, otherwise the part after the section.
std::string brief_setting(const std::string& key);

// Finds a key by its full or short name.
std::string setting_called(const std::vector<Arm>& arms, const std::string& wanted);

}  // namespace moesim
