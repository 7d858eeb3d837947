// Formats the textual cells and notes about arms: what their routing sees, whether they leak, and
// which runs are left out.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace moesim {

// Returns what the routing of the arm's runs may depend on: "past", or "past/sequence" if runs
// differ.
Cell sees_of(const Arm& arm);
// Returns "leaks", "none", or an empty cell if the leak was not measured.
Cell leak_of(const Arm& arm);

// Lists the runs that no mean includes, one line per reason.
std::vector<std::string> left_out_of(const std::vector<Arm>& arms);

// Adds the note that names the leaking arms, if there are any, and links it from the first column
// of their rows. `rows` has the arm of each row.
void mark_leaks(Table& table, const std::vector<const Arm*>& rows);

// Converts text to a key for programs: lower case, digits and underscores, at most `most`
// characters. Appends a number if the key is in `taken`, and adds the result to it.
std::string key_of(const std::string& text, std::set<std::string>& taken, std::size_t most = 60);

}  // namespace moesim
