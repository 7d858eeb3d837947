// What the tables say of arms beside their numbers: what their routing sees, and which of their
// runs are left out.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace moesim {

// What the routing of its runs may depend on: "past", or "past/sequence" of several.
Cell sees_of(const Arm& arm);
// "leaks", "none", or empty if it was not measured.
Cell leak_of(const Arm& arm);

// The runs that are in no mean, and why: one line per reason.
std::vector<std::string> left_out_of(const std::vector<Arm>& arms);

// Adds the note that names the arms that leak, if there are any, and refers to it from the first
// column of their rows; `rows` has the arm of each row.
void mark_leaks(Table& table, const std::vector<const Arm*>& rows);

// Text as part of a key for programs: lower case, digits and underscores, `most` characters; a
// number behind it if it is in `taken`, where it goes.
std::string key_of(const std::string& text, std::set<std::string>& taken, std::size_t most = 60);

}  // namespace moesim
