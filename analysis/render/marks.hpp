// Marks are the letters that link the cells of a table to its notes.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace moesim {

// Returns a mark ("a", "b", …, "z", "aa", …) for each note that a cell refers to, in the order of
// the notes.
std::map<std::size_t, std::string> marks_of(const Table& table);
// Returns the marks of a cell: "a,c"; "" if it refers to no note.
std::string marks_at(const Table& table, const std::map<std::size_t, std::string>& marks,
                     Table::Place place);

}  // namespace moesim
