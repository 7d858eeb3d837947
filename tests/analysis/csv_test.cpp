// Tests tables as CSV. tests/program/export.sh reads them with pandas and R.
#include "analysis/render/escape.hpp"
#include "analysis/render/table.hpp"
#include "tests/analysis/hostile.hpp"
#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Kind = Column::Kind;

TEST_CASE("csv: samples and intervals take two columns, nothing is left out", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"},
                   {"none", "none", Kind::number},
                   {"loss", "loss", Kind::sample, 1},
                   {"ci", "ci", Kind::interval, 1},
                   {"n", "n", Kind::count}};
  table.rows = {{"a,b", Cell(), Sample{3, 0.1, 0.25}, Interval{-1, 1e-9}, 12345678.0},
                {"c", std::nan(""), Sample{1, 2, std::nan("")}, Interval{}, Cell()},
                {"d", INFINITY, Sample{}, Cell(), -INFINITY}};
  table.notes = {"no comment line"};
  CHECK(render(table, TableFormat::csv) ==
        "arm,none,loss_mean,loss_std,ci_low,ci_high,n\r\n"
        "\"a,b\",,0.1,0.25,-1,1e-09,12345678\r\n"
        "c,,2,,,,\r\n"
        "d,inf,,,,,-inf\r\n");
}

TEST_CASE("csv: no cell is a formula", "[analysis]") {
  CHECK(csv_cell("=cmd|' /C calc'!A0") == "'=cmd|' /C calc'!A0");
  CHECK(csv_cell("+1+1") == "'+1+1");
  CHECK(csv_cell("@x") == "'@x");
  CHECK(csv_cell("-2+3") == "'-2+3");
  CHECK(csv_cell("\xef\xbc\x9dx") == "'\xef\xbc\x9dx");  // U+FF1D, '=' in full width
  CHECK(csv_cell("-1.5") == "-1.5");
  for (const char* sign : {"-", "=", "+", "@"}) CHECK(csv_cell(sign) == sign);  // such as tokens
  CHECK(csv_cell("\t=1") == "?=1");
  CHECK(csv_cell("\r=1") == "?=1");
  CHECK(csv_cell("a;=1") == "\"a;=1\"");
  CHECK(csv_cell("a\nb") == "a?b");
}

TEST_CASE("csv: keys are cells too", "[analysis]") {
  Table table;
  table.columns = {{"=a", "a"}, {"b,c", "b", Kind::sample}};
  CHECK(render(table, TableFormat::csv) == "'=a,\"b,c_mean\",\"b,c_std\"\r\n");
}

TEST_CASE("csv: a line has as many cells as the header, whatever the names", "[analysis]") {
  const std::string text = render(hostile_table(), TableFormat::csv);
  std::size_t cells = 1, lines = 0;
  bool quoted = false;
  for (const char c : text) {
    CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\r' || c == '\n'));
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted) ++cells;
    if (c != '\n') continue;
    CHECK(cells == 7);
    CHECK_FALSE(quoted);
    cells = 1;
    ++lines;
  }
  CHECK(lines == hostile_names().size() + 1);
}

}  // namespace
}  // namespace moesim::testing
