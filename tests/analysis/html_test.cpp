// Tests tables as HTML. tests/program/export.sh validates whole pages.
#include "analysis/render/escape.hpp"
#include "analysis/render/table.hpp"
#include "tests/analysis/hostile.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Kind = Column::Kind;

TEST_CASE("html: text is no markup", "[analysis]") {
  CHECK(html_text("</script>&\"'") == "&lt;/script&gt;&amp;&quot;&#39;");
  CHECK(html_text("a\x1b[0m\xff\xef\xbf\xbf \xc3\xa9") == "a?[0m?? \xc3\xa9");
}

TEST_CASE("html: cells have scopes, values, marks and notes", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"},
                   {"none", "none", Kind::number},
                   {"loss", "loss", Kind::sample, 2, Column::Better::lower},
                   {"interval", "95 %", Kind::interval, 1, Column::Better::higher}};
  table.rows = {{"a<b", Cell(), Sample{3, 1.005, 0.25}, Interval{-1, 2}},
                {"c", Cell(), Cell(), Cell()}};
  table.notes = {"a<b leaks", "and so on"};
  table.bold = {{0, 2}};
  table.references = {{{0, 2}, {0}}};
  CHECK(
      render(table, Rendering{.format = TableFormat::html, .caption = "A & b", .label = "tab:x"}) ==
      "<figure class=\"table\" id=\"tab:x\">\n<table>\n"
      "<caption>A &amp; b</caption>\n"
      "<thead>\n"
      "<tr><th scope=\"col\">arm</th>"
      "<th scope=\"col\" class=\"number\">loss <span title=\"lower is "
      "better\">\xe2\x86\x93</span></th>"
      "<th scope=\"col\" class=\"number\">95 % "
      "<span title=\"higher is better\">\xe2\x86\x91</span></th></tr>\n"
      "</thead>\n<tbody>\n"
      "<tr><th scope=\"row\">a&lt;b</th>"
      "<td class=\"number\" data-value=\"1.005\"><strong>1.00 \xc2\xb1 "
      "0.25</strong><sup>a</sup></td>"
      "<td class=\"number\" data-value=\"0.5\">[-1.0, 2.0]</td></tr>\n"
      "<tr><th scope=\"row\">c</th><td class=\"number\">-</td><td class=\"number\">-</td></tr>\n"
      "</tbody>\n</table>\n"
      "<ul class=\"notes\">\n"
      "<li><sup>a</sup> a&lt;b leaks</li>\n"
      "<li>and so on</li>\n"
      "</ul>\n"
      "</figure>\n");
}

TEST_CASE("html: standalone is a page that asks the network for nothing", "[analysis]") {
  const std::string page =
      render(hostile_table(),
             Rendering{.format = TableFormat::html, .caption = "</title>", .standalone = true});
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK_THAT(page, contains("<title>&lt;/title&gt;</title>") &&
                       contains("prefers-color-scheme: dark") && !contains("http") &&
                       !contains("<script") && !contains("\x1b"));
}

TEST_CASE("html: an id has no blanks", "[analysis]") {
  Table table;
  table.columns = {{"n", "n", Kind::count}};
  table.rows = {{1.0}};
  CHECK_THAT(render(table, Rendering{.format = TableFormat::html, .label = "a b\""}),
             contains("id=\"a-b-\""));
}

}  // namespace
}  // namespace moesim::testing
