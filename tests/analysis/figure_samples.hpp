// Makes figures of series with given names, for tests of scripts and layouts.
#pragma once

#include "analysis/figures/figure.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace moesim::testing {

inline Figure figure_with(const std::vector<std::string>& names) {
  Figure figure;
  figure.name = "loss";
  Panel panel;
  panel.title = names[0];
  panel.x.title = "training step";
  panel.y.title = "loss";
  for (const std::string& name : names) {
    Series series;
    series.name = name;
    series.style = panel.series.size();
    series.x = {0, 1, 2};
    series.y = {3, NAN, 1};
    series.low = {2.5, NAN, 0.5};
    series.high = {3.5, NAN, 1.5};
    panel.series.push_back(series);
  }
  figure.panels = {panel};
  return figure;
}

// Names that some reader of a figure takes for a command, a format or markup.
inline const std::vector<std::string>& hostile() {
  static const std::vector<std::string> names = {"=cmd|' /C calc'!A0",
                                                 "`touch pwned`",
                                                 "'.system('touch pwned').'",
                                                 "\"; import os; os.system('touch pwned') #",
                                                 "@macro %d {a_b^c} \\n C:\\",
                                                 "</text><script>alert(1)</script>",
                                                 "a\nplot sin(x)",
                                                 "\x1b[31mred",
                                                 "$\\frac{1}{2}$",
                                                 "Z\xC3\xBCrich \xE6\x9D\xB1",
                                                 "\xFF\xFE",
                                                 "\xE2\x80\xAErtl",
                                                 "a,b\"c\"",
                                                 std::string(5000, 'x')};
  return names;
}

}  // namespace moesim::testing
