// Writes a table as an HTML element or as a complete page. Cells carry the full number as
// data-value, for sorting scripts.
#include "analysis/render/escape.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/render/marks.hpp"
#include "analysis/render/sheet.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --line: #b5b5b5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181c; --line: #555a63; }
}
body { margin: 2rem auto; padding: 0 1rem; max-width: 90rem; color: var(--ink);
  background: var(--paper); font: 15px/1.45 system-ui, sans-serif; }
.table { margin: 0; overflow-x: auto; }
table { border-collapse: collapse; border-block: 2px solid var(--ink);
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .5rem; }
thead tr { border-bottom: 1px solid var(--ink); }
tbody tr + tr { border-top: 1px solid var(--line); }
th, td { padding: .3rem .7rem; text-align: left; vertical-align: baseline; font-weight: normal;
  white-space: nowrap; }
thead th { font-weight: 600; }
.number { text-align: right; }
sup { line-height: 0; }
.notes { padding: 0; list-style: none; max-width: 60rem; overflow-wrap: anywhere;
  font-size: .87em; }
@media print { body { margin: 0; max-width: none; } .table { overflow: visible; } }
)";

std::string arrow(Column::Better better) {
  switch (better) {
    case Column::Better::lower:
      return " <span title=\"lower is better\">↓</span>";
    case Column::Better::higher:
      return " <span title=\"higher is better\">↑</span>";
    case Column::Better::neither:
      break;
  }
  return "";
}

// Returns ' data-value="1.894"' for a cell with a number.
std::string data_value(const Cell& cell) {
  double value = std::nan("");
  if (const auto* number = std::get_if<double>(&cell)) value = *number;
  if (const auto* sample = std::get_if<Sample>(&cell); sample != nullptr && sample->count > 0)
    value = sample->mean;
  if (const auto* interval = std::get_if<Interval>(&cell))
    value = (interval->low + interval->high) / 2;
  return std::isfinite(value) ? fmt::format(" data-value=\"{}\"", value) : "";
}

std::string body_of(const Table& table, const Rendering& rendering) {
  const Sheet sheet = sheet_of(table);
  const auto marks = marks_of(table);
  const auto classes = [](const Column& column) {
    return column.kind == Column::Kind::text ? "" : " class=\"number\"";
  };
  const std::string id =
      rendering.label.empty() ? "" : " id=\"" + plain_label(rendering.label) + "\"";
  std::string html = "<figure class=\"table\"" + id + ">\n<table>\n";
  if (!rendering.caption.empty())
    html += "<caption>" + html_text(rendering.caption) + "</caption>\n";
  html += "<thead>\n<tr>";
  for (std::size_t c = 0; c < sheet.columns.size(); ++c)
    html += fmt::format("<th scope=\"col\"{}>{}{}</th>", classes(*sheet.columns[c]),
                        html_text(sheet.lines[0][c]), arrow(sheet.columns[c]->better));
  html += "</tr>\n</thead>\n<tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    html += "<tr>";
    for (std::size_t c = 0; c < sheet.columns.size(); ++c) {
      std::string text = html_text(sheet.lines[r + 1][c]);
      if (sheet.bold[r + 1][c]) text = "<strong>" + text + "</strong>";
      if (const std::string mark = marks_at(table, marks, {r, sheet.origins[c]}); !mark.empty())
        text += "<sup>" + mark + "</sup>";
      const std::string attributes =
          classes(*sheet.columns[c]) + data_value(table.rows[r][sheet.origins[c]]);
      html += c == 0 ? "<th scope=\"row\"" + attributes + ">" + text + "</th>"
                     : "<td" + attributes + ">" + text + "</td>";
    }
    html += "</tr>\n";
  }
  html += "</tbody>\n</table>\n";
  if (!table.notes.empty()) {
    html += "<ul class=\"notes\">\n";
    for (std::size_t n = 0; n < table.notes.size(); ++n) {
      const auto mark = marks.find(n);
      html += "<li>" + (mark == marks.end() ? "" : "<sup>" + mark->second + "</sup> ") +
              html_text(table.notes[n]) + "</li>\n";
    }
    html += "</ul>\n";
  }
  return html + "</figure>\n";
}

}  // namespace

std::string as_html(const Table& table, const Rendering& rendering) {
  std::string body = body_of(table, rendering);
  if (!rendering.standalone) return body;
  const std::string title = rendering.caption.empty() ? table.name : rendering.caption;
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      html_text(title.empty() ? "table" : title), kStyle, body);
}

}  // namespace moesim
