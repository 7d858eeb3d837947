// Marks are the letters by which the cells of a table refer to its notes.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace moesim {

// "a", "b", …, "z", "aa", …: one for each note that a cell refers to, in the order of the notes.
std::map<std::size_t, std::string> marks_of(const Table& table);
// The marks of a cell: "a,c"; "" if it refers to none.
std::string marks_at(const Table& table, const std::map<std::size_t, std::string>& marks,
                     Table::Place place);

}  // namespace moesim
