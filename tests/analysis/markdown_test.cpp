// Tests tables as Markdown.
#include "analysis/render/escape.hpp"
#include "analysis/render/table.hpp"
#include "tests/analysis/hostile.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <sstream>

namespace moesim::testing {
namespace {

TEST_CASE("markdown: cells, bold and notes", "[analysis]") {
  Table table;
  table.columns = {{"arm", "a_rm"}, {"loss", "loss", Column::Kind::sample, 2}};
  table.rows = {{"top_k <b>", Sample{3, 1, 0.25}}, {"x|y", Sample{3, 2, 0.5}}};
  table.bold = {{0, 1}};
  table.notes = {"# no heading", "1. no list", "- nor this", "plain"};
  CHECK(render(table, TableFormat::md) ==
        "| a_rm | loss |\n"
        "|---|---:|\n"
        "| top_k \\<b\\> | **1.00 \xc2\xb1 0.25** |\n"
        "| x\\|y | 2.00 \xc2\xb1 0.50 |\n"
        "\n\\# no heading\n"
        "\n1\\. no list\n"
        "\n\\- nor this\n"
        "\nplain\n");
}

TEST_CASE("markdown: nothing in a cell is markup", "[analysis]") {
  CHECK(markdown_cell("_a_ b_c ~d~ $e$ `f` [g](h) &amp;") ==
        "\\_a\\_ b_c \\~d\\~ \\$e\\$ \\`f\\` \\[g\\](h) \\&amp;");
  std::istringstream lines(render(hostile_table(), TableFormat::md));
  std::string line;
  for (std::size_t row = 0; row < hostile_names().size() + 2; ++row) {
    std::getline(lines, line);
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i)
      if (line[i] == '|' && (i == 0 || line[i - 1] != '\\')) ++bars;
    CHECK(bars == 6);
    CHECK_THAT(line, !contains("\x1b"));
  }
}

}  // namespace
}  // namespace moesim::testing
