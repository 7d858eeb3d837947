// Selects notes of a table, for --notes.
#pragma once

#include "analysis/render/table.hpp"
#include "sim/config/names.hpp"

#include <set>
#include <string>
#include <vector>

namespace moesim {

enum class Notes {
  all,
  brief,  // --notes short: only those that cells refer to
  none,
};

inline constexpr Named<Notes> kNotes[] = {
    {"all", Notes::all}, {"short", Notes::brief}, {"none", Notes::none}};

// Returns the table with the selected notes. If any are left and cells have deviations, the first
// note explains ± and n.
Table with_notes(const Table& table, Notes notes);

// Returns the indices of the notes that cells refer to.
std::set<std::size_t> referred_notes(const Table& table);
// Returns the table without the notes at these indices.
Table without_notes(const Table& table, const std::set<std::size_t>& left_out);

}  // namespace moesim
