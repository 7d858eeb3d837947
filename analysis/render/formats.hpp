// Declares the writers of all formats; each is defined in a file of its own.
#pragma once

#include "analysis/render/table.hpp"

#include <string>

namespace moesim {

std::string as_text(const Table& table);
std::string as_csv(const Table& table);
std::string as_markdown(const Table& table);
std::string as_latex(const Table& table, const Rendering& rendering);
// Returns the approximate font size in pt of a LaTeX table in the narrowest usual place of its
// width: a column of 240 pt or a page of 480 pt. Returns 0 if the table is not fitted.
double latex_size(const Table& table, const Rendering& rendering);
std::string as_html(const Table& table, const Rendering& rendering);
std::string as_json(const Table& table);

}  // namespace moesim
