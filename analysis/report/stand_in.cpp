// What other parts of the analysis will do: a table as HTML.
#include "analysis/render/escape.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

std::string words(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return html::text(*text);
  if (const auto* number = std::get_if<double>(&cell))
    return std::isnan(*number) ? "" : fmt::format("{:.{}f}", *number, column.decimals);
  if (const auto* s = std::get_if<Sample>(&cell))
    return s->count == 0 ? ""
                         : fmt::format("{:.{}f} ± {:.{}f}", s->mean, column.decimals, s->deviation,
                                       column.decimals);
  if (const auto* i = std::get_if<Interval>(&cell))
    return std::isnan(i->low) ? ""
                              : fmt::format("[{:.{}f}, {:.{}f}]", i->low, column.decimals, i->high,
                                            column.decimals);
  return "";
}

}  // namespace

std::string stand_in_html(const Table& table, const std::string& caption, const std::string& id) {
  std::string out = "<table id=\"" + html::text(id) + "\" class=\"" + html::text(table.name) +
                    "\">\n<caption>" + html::text(caption) + "</caption>\n<thead><tr>";
  for (const Column& column : table.columns)
    out += std::string("<th scope=\"col\"") +
           (column.kind == Column::Kind::text ? "" : " class=\"number\"") + ">" +
           html::text(column.title) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    out += "<tr>";
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      std::string cell = words(table.rows[r][c], table.columns[c]);
      if (table.bold.contains({r, c})) cell = "<strong>" + cell + "</strong>";
      out += std::string("<td") +
             (table.columns[c].kind == Column::Kind::text ? "" : " class=\"number\"") + ">" + cell +
             "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n";
}

}  // namespace moesim
