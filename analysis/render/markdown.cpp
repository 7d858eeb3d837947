// Writes a table in GitHub Flavored Markdown.
#include "analysis/render/escape.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/render/sheet.hpp"

namespace moesim {

std::string as_markdown(const Table& table) {
  Sheet sheet = sheet_of(table);
  for (auto& line : sheet.lines)
    for (std::string& cell : line) cell = markdown_cell(cell);
  for (std::size_t r = 0; r < sheet.lines.size(); ++r)
    for (std::size_t c = 0; c < sheet.columns.size(); ++c)
      if (sheet.bold[r][c]) sheet.lines[r][c] = "**" + sheet.lines[r][c] + "**";

  std::string text;
  for (std::size_t r = 0; r < sheet.lines.size(); ++r) {
    text += "| " + row_of(sheet.lines[r], " | ") + " |\n";
    if (r > 0) continue;
    for (const Column* column : sheet.columns)
      text += column->kind == Column::Kind::text ? "|---" : "|---:";
    text += "|\n";
  }
  for (const std::string& note : table.notes)
    text += "\n" + markdown_paragraph(terminal_safe(note)) + "\n";
  return text;
}

}  // namespace moesim
