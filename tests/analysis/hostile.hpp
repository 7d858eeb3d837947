// Provides names that a malicious run file may contain.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

inline const std::vector<std::string>& hostile_names() {
  static const std::vector<std::string> names{
      "top_k & 50% #1 ~\\x",
      "=cmd|' /C calc'!A0",
      "\x1b[31mred\x1b]0;title\x07",
      "</script><script>alert(1)</script>",
      "[0.5em] \"quoted\", `ticked` -- {braces} $x^2_i$ ?`",
      "\\input{/etc/passwd}\\end{tabular}",
      "\xc3\xa9t\xc3\xa9 \xce\xb1\xce\xb2 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80",
      "\xff\xfe not UTF-8 \xe2\x80\xae reversed",
      "* line\nbreak\ttab",
      std::string(5000, 'x'),
  };
  return names;
}

// A table of every kind of cell, with a hostile name in each row, in its header and in its notes.
inline Table hostile_table() {
  using Kind = Column::Kind;
  Table table;
  table.name = "hostile";
  table.columns = {{"name", hostile_names()[0], Kind::text},
                   {"count", "count", Kind::count},
                   {"number", hostile_names()[4], Kind::number, 2, Column::Better::lower},
                   {"loss", "loss", Kind::sample, 4, Column::Better::higher},
                   {"interval", "95 %", Kind::interval, 3}};
  for (const std::string& name : hostile_names()) {
    const std::size_t row = table.rows.size();
    table.rows.push_back({name, 12345.0 * static_cast<double>(row + 1), -0.5,
                          Sample{3, 1.25, 0.0125}, Interval{-0.25, 0.5}});
    table.notes.push_back("note of " + name);
    table.references[{row, row % 5}] = {row};
    table.bold.insert({row, (row + 1) % 5});
  }
  return table;
}

}  // namespace moesim::testing
