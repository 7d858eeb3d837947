// Tests figures of the tables of traces: their numbers are those of the tables.
#include "analysis/figures/trace_figures.hpp"

#include "analysis/figures/data.hpp"
#include "analysis/figures/layout.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

using Kind = Column::Kind;

Table table_of(const std::string& name, const std::vector<std::pair<std::string, Kind>>& columns,
               std::vector<std::vector<Cell>> rows) {
  Table table;
  table.name = name;
  for (const auto& [key, kind] : columns) table.columns.push_back({key, key, kind});
  table.rows = std::move(rows);
  table.notes = {"a note of the table"};
  return table;
}

Table pairs(std::vector<std::vector<Cell>> rows) {
  return table_of("coactivation",
                  {{"run", Kind::text},
                   {"layer", Kind::text},
                   {"expert", Kind::count},
                   {"other", Kind::count},
                   {"assignments", Kind::count},
                   {"ratio", Kind::number}},
                  std::move(rows));
}

}  // namespace

TEST_CASE("trace figures: a map of experts has every pair", "[analysis]") {
  const Figure figure =
      trace_figure(pairs({{"r", "0", 0.0, 2.0, 9.0, 1.5}, {"r", "4", 2.0, 0.0, 5.0, 0.5}}), 24);
  CHECK(figure.name == "coactivation");
  CHECK(figure.notes == std::vector<std::string>{"a note of the table"});
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "layer 0");
  CHECK(figure.panels[1].title == "layer 4");
  const HeatMap& map = figure.panels[0].map;
  CHECK(map.neutral == 1);
  CHECK(map.rows == std::vector<std::string>{"0", "1", "2"});
  REQUIRE(map.values.size() == 9);
  CHECK(map.values[2] == 1.5);
  CHECK(map.values[1] == 0);         // never together
  CHECK(std::isnan(map.values[4]));  // an expert and itself
  CHECK(figure.panels[1].map.values[6] == 0.5);
  CHECK(data_of(figure).csv.find("1,0,2,1.5,layer 0,0,2\n") != std::string::npos);
}

TEST_CASE("trace figures: of many experts those with most tokens are shown", "[analysis]") {
  std::vector<std::vector<Cell>> rows;
  for (int e = 0; e < 100; ++e)
    rows.push_back(
        {"r", "0", static_cast<double>(e), (e + 1) % 100 + 0.0, e < 50 ? 2.0 : e + 0.0, 1.0});
  const Figure figure = trace_figure(pairs(std::move(rows)), 24);
  REQUIRE(figure.panels.size() == 1);
  CHECK(figure.panels[0].map.rows.size() == 64);
  CHECK(figure.panels[0].map.rows.back() == "99");
  CHECK(figure.notes.front() == "the 64 of 100 experts with most tokens");
  CHECK(trace_figure(pairs({{"r", "0", 0.0, 1.0, 9.0, 1.0}, {"r", "1", 0.0, 1.0, 9.0, 1.0}}), 1)
            .notes.front() == "1 of 2 maps");
}

TEST_CASE("trace figures: curves with the interval of shuffled tokens", "[analysis]") {
  const Figure figure =
      trace_figure(table_of("specialisation",
                            {{"run", Kind::text},
                             {"layer", Kind::text},
                             {"label", Kind::text},
                             {"information", Kind::number},
                             {"chance", Kind::number},
                             {"chance_interval", Kind::interval}},
                            {{"r", "3", "domain", 0.5, 0.2, Interval{0.1, 0.3}},
                             {"r", "1", "domain", 0.75, 0.25, Interval{0.2, 0.3}},
                             {"r", "1", "token", 1.0, kNone, Interval{kNone, kNone}}}),
                   24);
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "domain");
  REQUIRE(figure.panels[0].series.size() == 2);
  const Series &measured = figure.panels[0].series[0], &chance = figure.panels[0].series[1];
  CHECK(measured.x == std::vector<double>{1, 3});  // by layer
  CHECK(measured.y == std::vector<double>{0.75, 0.5});
  CHECK(measured.low.empty());
  CHECK(chance.low == std::vector<double>{0.2, 0.1});
  CHECK(chance.high == std::vector<double>{0.3, 0.3});
  CHECK(figure.panels[1].series[1].low.empty());
}

TEST_CASE("trace figures: drops against the capacity factor, by layer", "[analysis]") {
  const std::vector<std::pair<std::string, Kind>> columns = {
      {"run", Kind::text},  {"layer", Kind::text},           {"group", Kind::text},
      {"fill", Kind::text}, {"capacity_factor", Kind::text}, {"dropped_percent", Kind::number}};
  const Figure figure = trace_figure(table_of("whatif", columns,
                                              {{"r", "0", "batch", "token", "2", 1.0},
                                               {"r", "0", "batch", "token", "0.5", 50.0},
                                               {"r", "0", "batch", "token", "0", 0.0},
                                               {"r", "all", "batch", "token", "1", 9.0}}),
                                     24);
  REQUIRE(figure.panels.size() == 1);
  REQUIRE(figure.panels[0].series.size() == 2);
  CHECK(figure.panels[0].series[0].x == std::vector<double>{0.5, 2});  // 0 is no limit
  CHECK(figure.panels[0].series[0].y == std::vector<double>{50, 1});
  CHECK(figure.panels[0].series[1].name == "all layers");
}

TEST_CASE("trace figures: titles with names of runs have the whole width", "[analysis]") {
  const std::vector<std::pair<std::string, Kind>> columns = {
      {"run", Kind::text},  {"layer", Kind::text},           {"group", Kind::text},
      {"fill", Kind::text}, {"capacity_factor", Kind::text}, {"dropped_percent", Kind::number}};
  const auto columns_of = [&](const std::string& name) {
    return trace_figure(table_of("whatif", columns,
                                 {{name, "0", "batch", "token", "1", 1.0},
                                  {"s", "0", "batch", "token", "1", 1.0}}),
                        24)
        .columns;
  };
  CHECK(columns_of("r") == 2);
  CHECK(columns_of("token_choice-s0-cd1eaf71") == 1);
}

TEST_CASE("trace figures: curves at one step are points", "[analysis]") {
  const auto kind_of = [&](double next) {
    return trace_figure(table_of("saturation",
                                 {{"run", Kind::text},
                                  {"layer", Kind::text},
                                  {"step", Kind::count},
                                  {"saturation", Kind::number},
                                  {"chance", Kind::number}},
                                 {{"r", "0", 10.0, 0.5, 0.125}, {"r", "1", next, 0.75, 0.125}}),
                        24)
        .panels.at(0)
        .kind;
  };
  CHECK(kind_of(10) == Panel::Kind::points);
  CHECK(kind_of(20) == Panel::Kind::curves);
}

TEST_CASE("trace figures: maps of slots, over an even weight", "[analysis]") {
  const Figure figure = trace_figure(table_of("mixing",
                                              {{"run", Kind::text},
                                               {"layer", Kind::text},
                                               {"position", Kind::count},
                                               {"slot", Kind::text},
                                               {"ratio", Kind::number}},
                                              {{"r", "1", 0.0, "0.0", 1.5},
                                               {"r", "1", 0.0, "0.1", 0.5},
                                               {"r", "1", 1.0, "0.0", 2.0},
                                               {"r", "2", 0.0, "0.0", 1.0}}),
                                     24);
  REQUIRE(figure.panels.size() == 2);
  const HeatMap& map = figure.panels[0].map;
  CHECK(map.rows == std::vector<std::string>{"0", "1"});
  CHECK(map.columns == std::vector<std::string>{"0", "1"});
  CHECK(map.neutral == 1);
  REQUIRE(map.values.size() == 4);
  CHECK((map.values[0] == 1.5 && map.values[1] == 0.5 && map.values[2] == 2));
  CHECK(std::isnan(map.values[3]));  // not in the table
}

// Ids 7 (10 of 20 occurrences at expert 0, 10 at 2) and 9 (5 of 5 at expert 0). Of all 25, expert 0 has
// 15, and expert 2 has 10: shares 0.6 and 0.4.
TEST_CASE("trace figures: maps of tokens, those that occur most first", "[analysis]") {
  const Figure figure = trace_figure(table_of("tokens",
                                              {{"run", Kind::text},
                                               {"layer", Kind::text},
                                               {"expert", Kind::count},
                                               {"token_id", Kind::text},
                                               {"token", Kind::text},
                                               {"assignments", Kind::count},
                                               {"occurrences", Kind::count},
                                               {"share", Kind::number}},
                                              {{"r", "0", 0.0, "9", "a", 5.0, 5.0, 1.0},
                                               {"r", "0", 0.0, "7", " ", 10.0, 20.0, 0.5},
                                               {"r", "0", 2.0, "7", " ", 10.0, 20.0, 0.5}}),
                                     24);
  REQUIRE(figure.panels.size() == 1);
  const HeatMap& map = figure.panels[0].map;
  CHECK(map.rows == std::vector<std::string>{"7", "a"});  // a blank is no name
  CHECK(map.columns == std::vector<std::string>{"0", "2"});
  REQUIRE(map.values.size() == 4);
  CHECK_THAT(map.values[0], WithinAbs(0.5 / 0.6, 1e-12));
  CHECK_THAT(map.values[1], WithinAbs(0.5 / 0.4, 1e-12));
  CHECK_THAT(map.values[2], WithinAbs(1 / 0.6, 1e-12));
  CHECK(map.values[3] == 0);
}

TEST_CASE("trace figures: losses by the number of experts, and with drops", "[analysis]") {
  const std::vector<std::pair<std::string, Kind>> columns = {
      {"run", Kind::text},
      {"layer", Kind::text},
      {"tokens_with", Kind::text},
      {"loss", Kind::number},
      {"loss_interval", Kind::interval},
      {"loss_difference", Kind::number},
      {"loss_difference_interval", Kind::interval}};
  const Interval i{1, 3}, d{-1, 1};
  const Figure figure = trace_figure(table_of("loss", columns,
                                              {{"r", "0", "0 experts", 3.0, i, 0.5, d},
                                               {"r", "0", "1 expert", 2.0, i, -0.5, d},
                                               {"r", "0", "a dropped choice", 3.0, i, 0.25, d},
                                               {"r", "0", "no dropped choice", 2.0, i, -0.25, d}}),
                                     24);
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].series.at(0).x == std::vector<double>{0, 1});
  CHECK(figure.panels[0].series.at(0).y == std::vector<double>{3, 2});
  CHECK(figure.panels[1].series.at(0).y == std::vector<double>{0.25});
}

TEST_CASE("trace figures: a curve of which one interval is unknown has no band", "[analysis]") {
  const std::vector<std::pair<std::string, Kind>> columns = {{"run", Kind::text},
                                                             {"layer", Kind::text},
                                                             {"tokens_with", Kind::text},
                                                             {"loss", Kind::number},
                                                             {"loss_interval", Kind::interval}};
  const Interval known{1, 3}, unknown{kNone, kNone};
  const Figure figure = trace_figure(table_of("loss", columns,
                                              {{"r", "0", "0 experts", 3.0, unknown},
                                               {"r", "0", "1 expert", 2.0, known},
                                               {"r", "1", "1 expert", 2.0, known},
                                               {"r", "1", "2 experts", 2.0, known}}),
                                     24);
  REQUIRE(figure.panels.size() == 1);
  REQUIRE(figure.panels[0].series.size() == 2);
  CHECK(figure.panels[0].series[0].low.empty());
  CHECK(figure.panels[0].series[0].high.empty());
  CHECK(figure.panels[0].series[1].low == std::vector<double>{1, 1});
}

TEST_CASE("trace figures: of a label that a run does not have the map is blank", "[analysis]") {
  const Figure figure = trace_figure(table_of("specialisation",
                                              {{"run", Kind::text},
                                               {"layer", Kind::text},
                                               {"label", Kind::text},
                                               {"expert", Kind::count},
                                               {"assignments", Kind::count},
                                               {"ratio", Kind::number}},
                                              {{"r", "0", "7", 0.0, 4.0, 2.0},
                                               {"r", "1", "9", 1.0, 4.0, 2.0},
                                               {"s", "0", "9", 0.0, 4.0, 1.5}}),
                                     24);
  REQUIRE(figure.panels.size() == 3);
  const auto values = [&](std::size_t panel) { return figure.panels[panel].map.values; };
  CHECK(figure.panels[0].map.rows == std::vector<std::string>{"7", "9"});
  CHECK(values(0) == std::vector<double>{2, 0, 0, 0});  // r has 9, in another layer
  CHECK((std::isnan(values(2)[0]) && std::isnan(values(2)[1])));
  CHECK((values(2)[2] == 1.5 && values(2)[3] == 0));
}

TEST_CASE("trace figures: maps with other rows have labels of their own", "[analysis]") {
  const auto labelled = [](const char* of_second) {
    const Figure figure = trace_figure(table_of("tokens",
                                                {{"run", Kind::text},
                                                 {"layer", Kind::text},
                                                 {"expert", Kind::count},
                                                 {"token_id", Kind::text},
                                                 {"token", Kind::text},
                                                 {"assignments", Kind::count},
                                                 {"occurrences", Kind::count},
                                                 {"share", Kind::number}},
                                                {{"r", "0", 0.0, "1", "a", 5.0, 5.0, 1.0},
                                                 {"r", "1", 0.0, "2", of_second, 5.0, 5.0, 1.0}}),
                                       24);
    const Layout layout = layout_of(figure, FigureStyle());
    return layout.panels.at(1).y_labels;
  };
  CHECK(labelled("b"));
  CHECK_FALSE(labelled("a"));
}

TEST_CASE("trace figures: tables without a figure say so", "[analysis]") {
  CHECK_THROWS_WITH(trace_figure(table_of("agreement", {}, {{}}), 24), contains("has no figure"));
  CHECK_THROWS_WITH(trace_figure(pairs({}), 24), contains("a note of the table"));
}

}  // namespace moesim::testing
