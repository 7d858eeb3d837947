// Tests the scripts of figures and their parts: a name is never a command, a format or markup.
#include "analysis/figures/data.hpp"
#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/inline_svg.hpp"
#include "analysis/figures/layout.hpp"
#include "analysis/figures/matplotlib.hpp"
#include "analysis/figures/quoted.hpp"
#include "analysis/figures/text_width.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

Figure figure_with(const Texts& names) {
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

const Texts& hostile() {
  static const Texts names = {"=cmd|' /C calc'!A0",
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

TEST_CASE("figure scripts: nothing is laid outside the figure or over a panel", "[analysis]") {
  for (const auto width : {FigureStyle::Width::column, FigureStyle::Width::page})
    for (const auto look : {FigureStyle::Look::paper, FigureStyle::Look::slides}) {
      const Layout layout = layout_of(figure_with(hostile()), {width, look});
      const Box& box = layout.panels.at(0).box;
      CHECK(box.left > 0);
      CHECK(box.right() < layout.width);
      CHECK(box.top() < layout.height);
      REQUIRE(layout.legend.size() == hostile().size());
      for (const LegendEntry& entry : layout.legend) {
        CHECK(entry.sample.left >= 0);
        CHECK(entry.sample.bottom >= 0);
        CHECK(entry.sample.top() < box.bottom);
        CHECK(entry.text.x + text_width(entry.text.text, layout.measures.type) <= layout.width);
      }
      for (const Text& text : layout.texts) {
        CHECK(text.y <= layout.height);
        CHECK(text.y >= 0);
      }
    }
}

TEST_CASE("figure scripts: titles of panels tell them apart", "[analysis]") {
  Figure figure = figure_with({"a"});
  figure.panels.resize(8, figure.panels[0]);
  figure.columns = 4;
  for (std::size_t p = 0; p < 8; ++p)
    figure.panels[p].title = "a_router with_many=10 settings=" + std::to_string(p / 2) +
                             " and_more=20, layer " + std::to_string(p % 2);
  for (const auto width : {FigureStyle::Width::column, FigureStyle::Width::page}) {
    const Layout layout = layout_of(figure, {width, FigureStyle::Look::paper});
    std::map<std::pair<double, double>, std::string> titles;  // by panel, its lines from the top
    for (const Text& text : layout.texts)
      for (const PlacedPanel& panel : layout.panels)
        if (!text.upright && text.x == panel.box.left && text.y > panel.box.top() &&
            text.y < panel.box.top() + 4 * layout.measures.type)
          titles[{panel.box.left, panel.box.top()}] += text.text + " ";
    std::set<std::string> different;
    for (const auto& [place, title] : titles) different.insert(title);
    CHECK(different.size() == 8);
  }
}

TEST_CASE("figure scripts: a figure of many panels is no higher than a page or a slide",
          "[analysis]") {
  for (const auto& [style, most] :
       {std::pair{FigureStyle{FigureStyle::Width::page, FigureStyle::Look::paper}, 24.0},
        std::pair{FigureStyle{FigureStyle::Width::column, FigureStyle::Look::paper}, 24.0},
        std::pair{FigureStyle{FigureStyle::Width::page, FigureStyle::Look::slides}, 10.1},
        std::pair{FigureStyle{FigureStyle::Width::column, FigureStyle::Look::slides}, 10.1}}) {
    Figure figure = figure_with({"a", "b", "c", "d", "e", "f", "g", "h"});
    figure.panels.resize(panels_for(style), figure.panels[0]);
    figure.columns = 4;
    const Layout layout = layout_of(figure, style);
    CHECK(layout.height <= most / 2.54 * 72);
    CHECK(layout.panels[0].box.height >= 2.9 * layout.measures.type);
  }
}

TEST_CASE("figure scripts: labels at the ends of an axis stay within the figure", "[analysis]") {
  Figure figure = figure_with({"a"});
  figure.panels[0].kind = Panel::Kind::curves;
  figure.panels[0].x.ticks = {0, 0.66667, 1.33333, 2};
  figure.panels[0].series[0].x = {0, 1, 2};
  for (const double end : {2.0, 1.99996}) {
    figure.panels[0].series[0].x[2] = figure.panels[0].x.ticks[3] = end;
    const Layout layout = layout_of(figure, {});
    const PlacedPanel& panel = layout.panels.at(0);
    CAPTURE(end, panel.x.labels.back());
    CHECK(panel.box.right() + text_width(panel.x.labels.back(), layout.measures.type) / 2 <=
          layout.width);
  }
}

TEST_CASE("figure scripts: the scale of a map has room for its numbers and its name",
          "[analysis]") {
  Figure figure;
  Panel panel;
  panel.kind = Panel::Kind::heat_map;
  panel.map = {{"0"}, {"0", "1"}, {0.5, 1.6}, 1, "load / uniform"};
  figure.panels = {panel};
  const Layout layout = layout_of(figure, {FigureStyle::Width::column, FigureStyle::Look::slides});
  const double type = layout.measures.type;
  CHECK(layout.colour_bar.height / static_cast<double>(layout.colours.at.size() - 1) >= type);
  for (const Text& text : layout.texts)
    if (text.upright) {
      CHECK(text.y - text_width(text.text, type) / 2 >= 0);
      CHECK(text.y + text_width(text.text, type) / 2 <= layout.height);
    }
}

TEST_CASE("figure scripts: text is cut into lines at spaces", "[analysis]") {
  CHECK(wrapped("one two three", 8, 40, 1) == Texts{shortened("one two three", 8, 40)});
  CHECK(wrapped("one two three", 8, 40, 3) == Texts{"one two", "three"});
  CHECK(wrapped("one two three", 8, 1000, 3) == Texts{"one two three"});
  CHECK(wrapped("", 8, 40, 3) == Texts{""});
}

TEST_CASE("figure scripts: names that are too wide lose their middle", "[analysis]") {
  CHECK(shortened("short", 8, 100) == "short");
  const std::string name = shortened("token_choice with k = 1 and k = 2", 8, 80);
  CHECK(text_width(name, 8) <= 80);
  CHECK_THAT(name, contains("token"));
  CHECK_THAT(name, contains("…"));
  CHECK(name.ends_with("2"));
  // Never half of a character.
  CHECK(shortened("ééééé", 8, 15) == "é…");
}

TEST_CASE("figure scripts: ticks are round numbers", "[analysis]") {
  CHECK(linear_ticks(0, 300, 4).labels == Texts{"0", "100", "200", "300"});
  CHECK(linear_ticks(1.48, 2.53, 4).labels == Texts{"1.5", "2.0", "2.5"});
  CHECK(linear_ticks(-1, 1, 2).labels == Texts{"\u22121", "0", "1"});
  const Ticks tokens = linear_ticks(0, 4e6, 4);
  CHECK(tokens.labels == Texts{"0", "1", "2", "3", "4"});
  CHECK(tokens.factor == "×10⁶");
  CHECK(logarithmic_ticks(1, 1000, 5).labels == Texts{"1", "10", "100", "1000"});
  CHECK(logarithmic_ticks(1e9, 1e12, 3).labels == Texts{"10⁹", "10¹⁰", "10¹¹", "10¹²"});
  CHECK(ticks_at(1, 2, false, {1, 1.25, 2}).labels == Texts{"1", "1.25", "2"});
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
