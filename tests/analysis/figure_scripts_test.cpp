// Tests the scripts of figures and their parts: a name is never a command, a format or markup.
#include "analysis/figures/data.hpp"
#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/inline_svg.hpp"
#include "analysis/figures/layout.hpp"
#include "analysis/figures/matplotlib.hpp"
#include "analysis/figures/quoted.hpp"
#include "sim/core/error.hpp"
#include "tests/analysis/figure_samples.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

namespace moesim::testing {
namespace {

// What is left of a script of gnuplot without its strings, all of which end in their line.
std::string outside_strings(const std::string& script) {
  std::string rest;
  char within = 0;
  bool broken = false;
  for (const char c : script) {
    if (within == 0 && (c == '\'' || c == '"'))
      within = c;
    else if (within == c)
      within = 0;
    else if (within == 0)
      rest += c;
    else
      broken = broken || c == '\n';
  }
  CHECK(within == 0);
  CHECK_FALSE(broken);
  return rest;
}

}  // namespace

TEST_CASE("figure scripts: strings of gnuplot and Python", "[analysis]") {
  CHECK(gnuplot_quoted("a {b_c} $x$ %d") == "'a {b_c} $x$ %d'");
  CHECK(gnuplot_quoted("'s `x` @y \\ \" #") == "\"\\047s \\140x\\140 \\100y \\134 \\042 \\043\"");
  CHECK(gnuplot_quoted("a\nb\x1b") == "'a?b?'");
  CHECK(gnuplot_quoted("#12a3") == "\"\\043\\061\\062a3\"");
  CHECK(gnuplot_tick("50% of it's") == "\"50%% of it\\047s\"");
  CHECK(python_quoted("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(python_quoted("$x$") == "\"\\\\$x\\\\$\"");
  CHECK(python_quoted("Z\xC3\xBC\xF0\x9D\x84\x9E\n") == "\"Z\\u00fc\\U0001d11e?\"");
}

TEST_CASE("figure scripts: names stay within strings", "[analysis]") {
  for (const Picture picture : {Picture::svg, Picture::pdf, Picture::png}) {
    const std::string script =
        gnuplot_script(figure_with(hostile()), {}, picture, "it's.csv", "it's.svg");
    const std::string rest = outside_strings(script);
    for (const char* word : {"touch", "system", "`", "calc", "script>", "sin(x)", "macro", "@"})
      CHECK(rest.find(word) == std::string::npos);
    CHECK(std::none_of(script.begin(), script.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }));
    CHECK_THAT(script, contains("set output \"it\\047s.svg\""));
  }
  const std::string python = matplotlib_script(figure_with(hostile()), {}, "a.csv", "a.svg");
  CHECK(std::all_of(python.begin(), python.end(), [](char c) {
    return (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80) ||
           c == '\n';
  }));
  // Within a string the quotes of names have a backslash.
  CHECK_THAT(python, contains("\"\\\"; import os; os.system('touch pwned') #\""));
}

TEST_CASE("figure scripts: the CSV is one row per point, text last", "[analysis]") {
  const FigureData data = data_of(figure_with({"a,\"b\"", "=c"}));
  CHECK(data.csv ==
        "panel,series,x,y,low,high,x_low,x_high,panel_title,name\n"
        "1,1,0,3,2.5,3.5,,,\"a,\"\"b\"\"\",\"a,\"\"b\"\"\"\n"
        "1,1,1,NaN,NaN,NaN,,,\"a,\"\"b\"\"\",\"a,\"\"b\"\"\"\n"
        "1,1,2,1,0.5,1.5,,,\"a,\"\"b\"\"\",\"a,\"\"b\"\"\"\n"
        "1,2,0,3,2.5,3.5,,,\"a,\"\"b\"\"\",'=c\n"
        "1,2,1,NaN,NaN,NaN,,,\"a,\"\"b\"\"\",'=c\n"
        "1,2,2,1,0.5,1.5,,,\"a,\"\"b\"\"\",'=c\n");
  CHECK(data.rows[0][1].first == 4);
  CHECK(data.rows[0][1].last == 6);
  // However hostile a name is, there are as many lines as points.
  const std::string csv = data_of(figure_with(hostile())).csv;
  CHECK(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')) ==
        1 + 3 * hostile().size());
}

TEST_CASE("figure scripts: a map is one row per cell", "[analysis]") {
  Figure figure;
  Panel panel;
  panel.kind = Panel::Kind::heat_map;
  panel.map = {{"1", "3"}, {"0", "1"}, {0.5, 1.5, NAN, 2}, 1, "load"};
  figure.panels = {panel};
  CHECK(data_of(figure).csv ==
        "panel,row,column,value,panel_title,row_label,column_label\n"
        "1,0,0,0.5,,1,0\n1,0,1,1.5,,1,1\n1,1,0,NaN,,3,0\n1,1,1,2,,3,1\n");
  const Layout layout = layout_of(figure, {});
  CHECK(layout.colours.low == 0);
  CHECK(layout.colours.high == 2);
  CHECK(std::count(layout.colours.labels.begin(), layout.colours.labels.end(), "1") == 1);
}

TEST_CASE("figure scripts: no two styles are alike", "[analysis]") {
  std::set<std::pair<std::string, std::vector<double>>> lines;
  std::set<std::pair<std::string, Mark>> points;
  for (std::size_t i = 0; i < stroke_count(); ++i) {
    lines.insert({stroke_of(i).colour, stroke_of(i).dash});
    points.insert({stroke_of(i).colour, stroke_of(i).mark});
  }
  CHECK(lines.size() == stroke_count());
  CHECK(points.size() == stroke_count());
}

TEST_CASE("figure scripts: lightness of a map grows all the way", "[analysis]") {
  double before = -1;
  for (const std::string& colour : map_colours()) {
    const auto part = [&](std::size_t i) { return std::stoi(colour.substr(i, 2), nullptr, 16); };
    const double luma = 0.299 * part(1) + 0.587 * part(3) + 0.114 * part(5);  // ITU-R BT.601
    CHECK(luma > before + 20);
    before = luma;
  }
}

TEST_CASE("figure scripts: pictures are told by their suffix", "[analysis]") {
  CHECK(picture_of("a/b.svg") == Picture::svg);
  CHECK(picture_of("b.pdf") == Picture::pdf);
  CHECK(picture_of("b.png") == Picture::png);
  CHECK_THROWS_AS(picture_of("b.jpg"), Error);
  CHECK_THROWS_AS(picture_of("svg"), Error);
}

TEST_CASE("figure scripts: SVG within a page", "[analysis]") {
  const std::string file =
      "<?xml version=\"1.0\"?>\n<svg width=\"3\">\n<circle id='gpDot' fill=\"black\"/>"
      "<use xlink:href='#gpDot' color='rgb(  0,   0,   0)'/><g stroke='rgb(  0, 114, 178)'/>"
      "<text> id='x' fill=\"black\" &lt;b> </text></svg>\n";
  CHECK(inline_svg(file, "p-") ==
        "<svg width=\"3\">\n<circle id='p-gpDot' fill=\"currentColor\"/>"
        "<use xlink:href='#p-gpDot' color='currentColor'/><g stroke='rgb(  0, 114, 178)'/>"
        "<text> id='x' fill=\"black\" &lt;b> </text></svg>\n");
}

}  // namespace moesim::testing
