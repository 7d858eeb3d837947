// Tests tables as text, and the escaping of cells.
#include "analysis/render/table.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

namespace moesim::testing {
namespace {

Table table_of(const std::string& text) {
  Table table;
  table.columns = {{"name", "name"},
                   {"none", "none"},
                   {"count", "count", Column::Kind::count},
                   {"loss", "loss", Column::Kind::sample, 2}};
  table.rows = {{text, std::monostate(), 12345.0, Sample{2, 1.005, 0.25}}};
  table.notes = {text};
  return table;
}

TEST_CASE("table: names of formats", "[analysis]") {
  REQUIRE(format_of("text") == TableFormat::text);
  REQUIRE(format_of("json") == TableFormat::json);
  REQUIRE_THROWS_WITH(
      format_of("jsn"),
      "unknown format 'jsn': did you mean json? choose one of text, csv, md, latex, html, json");
}

TEST_CASE("table: columns without values are left out for people only", "[analysis]") {
  REQUIRE(render(table_of("a"), TableFormat::text) ==
          "name  count         loss\na     12.3k  1.00 \xC2\xB1 0.25\n\na\n");
  REQUIRE(render(table_of("a"), TableFormat::csv) ==
          "name,none,count,loss_mean,loss_std\r\na,,12345,1.005,0.25\r\n");
}

TEST_CASE("table: columns line up with letters of several bytes", "[analysis]") {
  Table table = table_of("\xC3\xA9t\xC3\xA9");
  table.notes.clear();
  REQUIRE(render(table, TableFormat::text) ==
          "name  count         loss\n\xC3\xA9t\xC3\xA9   12.3k  1.00 \xC2\xB1 0.25\n");
}

TEST_CASE("table: numbers are shortened to three digits", "[analysis]") {
  const auto shown = [](double value) {
    Table table;
    table.columns = {{"n", "n", Column::Kind::count}};
    table.rows = {{value}};
    const std::string text = render(table, TableFormat::text);
    const std::string line = text.substr(text.find('\n') + 1);
    return line.substr(0, line.size() - 1);
  };
  REQUIRE(shown(7) == "7");
  REQUIRE(shown(999) == "999");
  REQUIRE(shown(1000) == "1.00k");
  REQUIRE(shown(45600) == "45.6k");
  REQUIRE(shown(123456789) == "123M");
  REQUIRE(shown(12.5) == "12.5");
}

TEST_CASE("table: control characters never reach the terminal", "[analysis]") {
  for (const TableFormat format :
       {TableFormat::text, TableFormat::csv, TableFormat::md, TableFormat::json}) {
    const std::string text = render(table_of("a\x1B[31mb\xC2\x9B\r\x07"), format);
    REQUIRE(text.find('\x1B') == std::string::npos);
    REQUIRE(text.find('\x07') == std::string::npos);
    REQUIRE(text.find('\x9B') == std::string::npos);
  }
  REQUIRE(nlohmann::json::parse(render(table_of("a\x1B\xFF"), TableFormat::json))["rows"].size() ==
          1);
}

TEST_CASE("escape: what may reach a terminal", "[analysis]") {
  REQUIRE(terminal_safe("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80") ==
          "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
  REQUIRE(terminal_safe("a\nb\tc\x7F") == "a?b?c?");
  REQUIRE(terminal_safe("\xFF\xC3") == "??");
  REQUIRE(terminal_safe("\xC0\xAF") == "??");  // an overlong '/'
  REQUIRE(terminal_safe("a\xE2\x80\xAE"
                        "b") == "a?b");  // right-to-left override
}

TEST_CASE("escape: cells of CSV", "[analysis]") {
  REQUIRE(csv_cell("plain") == "plain");
  REQUIRE(csv_cell("a,b") == "\"a,b\"");
  REQUIRE(csv_cell("say \"a\"") == "\"say \"\"a\"\"\"");
  REQUIRE(csv_cell("=1+1") == "'=1+1");
  REQUIRE(csv_cell("@sum(a,b)") == "\"'@sum(a,b)\"");
  REQUIRE(csv_cell("-1.5") == "-1.5");
  REQUIRE(csv_cell("-x") == "'-x");
}

TEST_CASE("escape: cells of Markdown", "[analysis]") {
  REQUIRE(markdown_cell("token_choice") == "token_choice");
  REQUIRE(markdown_cell("a|b*<c>") == "a\\|b\\*\\<c\\>");
}

}  // namespace
}  // namespace moesim::testing
