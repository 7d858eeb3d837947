// Tests the layout of figures: what has room where, and text and ticks that are made to fit.
#include "analysis/figures/layout.hpp"
#include "analysis/figures/text_width.hpp"
#include "tests/analysis/figure_samples.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <set>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("figure layout: nothing is laid outside the figure or over a panel", "[analysis]") {
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

TEST_CASE("figure layout: titles of panels tell them apart", "[analysis]") {
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

TEST_CASE("figure layout: a figure of many panels is no higher than a page or a slide",
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

TEST_CASE("figure layout: labels at the ends of an axis stay within the figure", "[analysis]") {
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

TEST_CASE("figure layout: the scale of a map has room for its numbers and its name", "[analysis]") {
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

TEST_CASE("figure layout: text is cut into lines at spaces", "[analysis]") {
  CHECK(wrapped("one two three", 8, 40, 1) == Texts{shortened("one two three", 8, 40)});
  CHECK(wrapped("one two three", 8, 40, 3) == Texts{"one two", "three"});
  CHECK(wrapped("one two three", 8, 1000, 3) == Texts{"one two three"});
  CHECK(wrapped("", 8, 40, 3) == Texts{""});
}

TEST_CASE("figure layout: names that are too wide lose their middle", "[analysis]") {
  CHECK(shortened("short", 8, 100) == "short");
  const std::string name = shortened("token_choice with k = 1 and k = 2", 8, 80);
  CHECK(text_width(name, 8) <= 80);
  CHECK_THAT(name, contains("token"));
  CHECK_THAT(name, contains("…"));
  CHECK(name.ends_with("2"));
  // Never half of a character.
  CHECK(shortened("ééééé", 8, 15) == "é…");
}

TEST_CASE("figure layout: ticks are round numbers", "[analysis]") {
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

}  // namespace moesim::testing
