// Reads cells of a table by the keys of its columns.
#pragma once

#include "analysis/render/table.hpp"

#include <string>

namespace moesim {

bool has_column(const Table& table, const std::string& key);
// "" where there is no text.
std::string text_at(const Table& table, std::size_t row, const std::string& key);
// NaN where there is no number.
double number_at(const Table& table, std::size_t row, const std::string& key);
Interval interval_at(const Table& table, std::size_t row, const std::string& key);

}  // namespace moesim
