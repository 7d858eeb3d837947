// Finds the settings in which arms differ, and names them.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns true if `other` is determined by `key` and so varies with it.
bool setting_follows(const std::string& other, const std::string& key);

// Returns true if the arms that have this setting have different values of it. Its absence in some
// arms follows from another setting and does not count.
bool setting_differs(const std::vector<const Arm*>& arms, const std::string& key);

// Returns true if the settings change together: the same arms have them, and each value of one
// occurs with exactly one value of the other.
bool change_together(const std::vector<const Arm*>& arms, const std::string& a,
                     const std::string& b);

// Returns true if the arm's router is dense.
bool is_dense_arm(const Arm& arm);

// Returns the setting that varies; an error if there is none or more than one.
std::string only_swept_key(const std::vector<Arm>& arms);

// Returns "router" for router.name, otherwise the part after the section.
std::string brief_setting(const std::string& key);

// Finds a key by its full or short name.
std::string setting_called(const std::vector<Arm>& arms, const std::string& wanted);

}  // namespace moesim
