// Writes a table for a terminal: aligned columns, '*' after highlighted cells.
#include "analysis/render/escape.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/render/sheet.hpp"

#include <algorithm>

namespace moesim {

std::string as_text(const Table& table) {
  Sheet sheet = sheet_of(table);
  // A space in the other cells keeps the digits aligned.
  for (std::size_t c = 0; c < sheet.columns.size(); ++c) {
    const bool any = std::any_of(sheet.bold.begin(), sheet.bold.end(),
                                 [c](const std::vector<bool>& line) { return line[c]; });
    if (!any) continue;
    for (std::size_t r = 0; r < sheet.lines.size(); ++r)
      sheet.lines[r][c] += sheet.bold[r][c] ? '*' : ' ';
  }

  std::vector<std::size_t> width(sheet.columns.size(), 0);
  for (const auto& line : sheet.lines)
    for (std::size_t c = 0; c < line.size(); ++c)
      width[c] = std::max(width[c], characters_in(line[c]));

  std::string text;
  for (const auto& line : sheet.lines) {
    std::string row;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string padding(width[c] - characters_in(line[c]), ' ');
      if (c > 0) row += "  ";
      row += sheet.columns[c]->kind == Column::Kind::text ? line[c] + padding : padding + line[c];
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  for (const std::string& note : table.notes) text += "\n" + terminal_safe(note);
  if (!table.notes.empty()) text += "\n";
  return text;
}

}  // namespace moesim
