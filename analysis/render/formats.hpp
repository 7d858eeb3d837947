// The formats of tables, a file each.
#pragma once

#include "analysis/render/table.hpp"

#include <string>

namespace moesim {

std::string as_text(const Table& table);
std::string as_csv(const Table& table);
std::string as_markdown(const Table& table);
std::string as_latex(const Table& table, const Rendering& rendering);
// The size of letters, roughly and in pt, that a table has in a narrow place of its width: a column
// of 240 pt, a page of 480. 0 where it is not fitted.
double latex_size(const Table& table, const Rendering& rendering);
std::string as_html(const Table& table, const Rendering& rendering);
std::string as_json(const Table& table);

}  // namespace moesim
