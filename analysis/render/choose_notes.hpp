// Chooses notes of a table.
#pragma once

#include "analysis/render/table.hpp"

#include <set>
#include <string>
#include <vector>

namespace moesim {

enum class Notes {
  all,
  brief,  // --notes short: what cells refer to
  none,
};

// As --notes has them, in the order of the enum.
const std::vector<std::string>& notes_names();
// Throws Exit::usage.
Notes notes_of_name(const std::string& name);

// The table with these notes alone. Before them stands what ± and n are, if cells have deviations
// and there are any notes.
Table with_notes(const Table& table, Notes notes);

// The numbers of the notes that cells refer to.
std::set<std::size_t> referred_notes(const Table& table);
// The table without the notes of these numbers.
Table without_notes(const Table& table, const std::set<std::size_t>& left_out);

}  // namespace moesim
