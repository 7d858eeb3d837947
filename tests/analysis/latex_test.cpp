// Tests tables as LaTeX. tests/program/export.sh compiles the output that is expected here.
#include "analysis/render/escape.hpp"
#include "analysis/render/latex_columns.hpp"
#include "analysis/render/latex_numbers.hpp"
#include "analysis/render/table.hpp"
#include "tests/analysis/hostile.hpp"
#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Kind = Column::Kind;
using Cells = std::vector<std::string>;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

LatexColumn set(const Column& column, const std::vector<Cell>& cells) {
  Table table;
  table.columns = {column};
  for (const Cell& cell : cells) table.rows.push_back({cell});
  return latex_columns(table).at(0);
}

std::string latex(const Table& table) { return render(table, TableFormat::latex); }

TEST_CASE("latex: text is no markup", "[analysis]") {
  CHECK(latex_text("top_k & 50% #1 ~\\x") ==
        "top\\_k \\& 50\\% \\#1 \\textasciitilde{}\\textbackslash{}x");
  CHECK(latex_text("{$x^2$}") == "\\{\\$x\\textasciicircum{}2\\$\\}");
  CHECK(latex_text("a<b>|\"`") ==
        "a\\textless{}b\\textgreater{}\\textbar{}\\symbol{34}\\symbol{96}");
  // After \\ these would be its arguments.
  CHECK(latex_text("[1em]*") == "{[}1em{]}{*}");
  // No ligatures: two hyphens are no dash, two apostrophes no quotation mark.
  CHECK(latex_text("a--b ''c,,") == "a-{}-b '{}'c,{},");
  CHECK(latex_text("a\x1b[0m\n\x7f") == "a?{[}0m??");
  // Latin letters are declared by inputenc, Greek has commands, others are named.
  CHECK(latex_text("\xc3\xa9\xc5\x82 \xce\xb1 \xc2\xb1 \xe4\xb8\xad \xf0\x9f\x98\x80 \xc4\xa7") ==
        "\xc3\xa9\xc5\x82 $\\alpha$ $\\pm$ U+4E2D U+1F600 U+0127");
  CHECK(latex_paragraph("runs/a_b = c/") == "runs/\\penalty100{}a\\_\\penalty100{}b = c/");
  CHECK(latex_paragraph(std::string(24, 'x') + "y " + std::string(24, 'x')) ==
        std::string(24, 'x') + "\\penalty100{}y " + std::string(24, 'x'));
}

TEST_CASE("latex: no digits finer than the deviation supports", "[analysis]") {
  CHECK(supported_decimals(0.0034, 4) == 4);
  CHECK(supported_decimals(0.012, 4) == 3);
  CHECK(supported_decimals(0.0994, 4) == 3);
  CHECK(supported_decimals(0.0996, 4) == 2);  // 0.10
  CHECK(supported_decimals(1.2, 4) == 1);
  CHECK(supported_decimals(12, 4) == 0);
  CHECK(supported_decimals(1234, 4) == 0);
  CHECK(supported_decimals(1e-9, 4) == 4);
  CHECK(supported_decimals(0, 4) == 4);
  CHECK(supported_decimals(kUndefined, 4) == 4);

  // The median deviation, 0.0341, supports three decimals.
  const LatexColumn column =
      set({"loss", "loss", Kind::sample, 4, Column::Better::lower},
          {Sample{3, 1.89404, 0.00341}, Sample{3, 1.89404, 0.0341}, Sample{1, 1.89404, kUndefined},
           Sample{3, kUndefined, kUndefined}, Sample{3, -10.5, 12}, Cell()});
  CHECK(column.head == "\\multicolumn{3}{c}{loss $\\downarrow$}");
  CHECK(column.format ==
        "S[table-format=-2.3,table-number-alignment=right]@{\\,}c@{\\,}"
        "S[table-format=2.3,table-number-alignment=left]");
  CHECK(column.cells == Cells{"1.894 & $\\pm$ & 0.003", "1.894 & $\\pm$ & 0.034", "1.894 & & ",
                              "\\multicolumn{3}{c}{nan}", "-10.500 & $\\pm$ & 12.000",
                              "\\multicolumn{3}{c}{--}"});
  // Without a deviation to go by, as many as the column has.
  CHECK(set({"n", "n", Kind::sample, 2}, {Sample{1, 1, kUndefined}}).cells == Cells{"1.00 & & "});
}

TEST_CASE("latex: a deviation of zero is none, and a smaller one has a digit", "[analysis]") {
  CHECK(set({"n", "n", Kind::sample, 3},
            {Sample{3, 0.998, 0}, Sample{3, 0.998, 0.0003}, Sample{3, 0.998, 0.012},
             Sample{3, 0.998, 0.02}, Sample{3, 0.998, 3e-7}, Sample{3, 0.998, 3e-9}})
            .cells == Cells{"0.998 & $\\pm$ & 0.000", "0.998 & $\\pm$ & 0.0003",
                            "0.998 & $\\pm$ & 0.012", "0.998 & $\\pm$ & 0.020",
                            "0.998 & $\\pm$ & {$3\\cdot10^{-7}$}", "0.998 & $\\pm$ & 0.000"});
}

TEST_CASE("latex: columns of numbers have the room that they need", "[analysis]") {
  const LatexColumn numbers =
      set({"n", "100%", Kind::number, 2}, {1.0, -0.001, 123.456, INFINITY, -INFINITY, kUndefined});
  CHECK(numbers.head == "{100\\%}");
  CHECK(numbers.format == "S[table-format=3.2]");
  CHECK(numbers.cells == Cells{"1.00", "0.00", "123.46", "{$\\infty$}", "{$-\\infty$}", "{--}"});
  CHECK(set({"n", "n", Kind::number, 2}, {-1.0, 10.0}).format == "S[table-format=-2.2]");

  // Large counts share a unit; small ones are written out.
  const LatexColumn large = set({"n", "parameters", Kind::count}, {1234567.0, 45600000.0});
  CHECK(large.head == "{\\begin{tabular}[b]{@{}c@{}}parameters\\\\(M)\\end{tabular}}");
  CHECK(large.cells == Cells{"1.23", "45.60"});
  const LatexColumn small = set({"n", "seeds", Kind::count}, {3.0, 0.0, 9999.0});
  CHECK(small.head == "{seeds}");
  CHECK(small.format == "S[table-format=4.0]");
  CHECK(small.cells == Cells{"3", "0", "9999"});
  const LatexColumn wide = set({"n", "n", Kind::count}, {12.0, 45600000.0});
  CHECK(wide.format == "r");
  CHECK(wide.cells == Cells{"12", "45.6\\,M"});
}

TEST_CASE("latex: intervals line up", "[analysis]") {
  const LatexColumn column =
      set({"i", "95 %", Kind::interval, 2}, {Interval{-0.5, -0.25}, Interval{0.5, 12}, Interval{}});
  CHECK(column.format == "r");
  CHECK(column.cells == Cells{"\\lbrack\\num{-0.50},\\,\\phantom{0}\\num{-0.25}\\rbrack",
                              "\\lbrack\\num{0.50},\\,\\phantom{$-$}\\num{12.00}\\rbrack", "--"});
}

TEST_CASE("latex: bold, references and notes", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"}, {"loss", "loss", Kind::sample, 2}, {"n", "n", Kind::number, 1}};
  table.rows = {{"a", Sample{3, 1, 0.25}, 1.0}, {"b", Sample{3, 2, 0.25}, 2.0}};
  table.notes = {"of no cell", "b leaks", "b diverged"};
  table.bold = {{0, 1}};
  table.references = {{{1, 0}, {1}}, {{1, 2}, {1, 2}}, {{0, 1}, {2}}};
  CHECK(render(table,
               Rendering{.format = TableFormat::latex, .caption = "A & b", .label = "tab:x"}) ==
        "% \\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{booktabs,graphicx,"
        "siunitx}\n"
        "\\begin{table}\n"
        "\\centering\n"
        "\\caption{A \\& b}\\label{tab:x}\n"
        "\\sisetup{mode=text,detect-weight,detect-family}\n"
        "\\makeatletter\\@ifundefined{\\f@encoding/\\f@family/b/n}{}{\\def\\bfdefault{b}%\n"
        "  \\let\\bfseries@rm\\bfdefault\\let\\bfseries@sf\\bfdefault}\\makeatother\n"
        "\\protected\\def\\bfseries{\\fontseries{\\bfdefault}\\selectfont}\n"
        "\\small\\setlength{\\tabcolsep}{3pt}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        "\\begin{tabular}{@{}l S[table-format=1.2,table-number-alignment=right]@{\\,}c@{\\,}"
        "S[table-format=1.2,table-space-text-post=\\textsuperscript{b},"
        "table-number-alignment=left] "
        "S[table-format=1.1,table-space-text-post=\\textsuperscript{a,b}]@{}}\n"
        "\\toprule\n"
        "{arm} & \\multicolumn{3}{c}{loss} & {n} \\\\\n"
        "\\midrule\n"
        "a & \\bfseries 1.00 & \\bfseries $\\pm$ & \\bfseries 0.25{\\textsuperscript{b}} & 1.0 "
        "\\\\\n"
        "b\\textsuperscript{a} & 2.00 & $\\pm$ & 0.25 & 2.0{\\textsuperscript{a,b}} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}}\n"
        "\\par\\medskip\n"
        "{\\footnotesize\\raggedright\n"
        "of no cell\\par\n"
        "\\textsuperscript{a}\\,b leaks\\par\n"
        "\\textsuperscript{b}\\,b diverged\\par\n"
        "}\n"
        "\\end{table}\n");
}

TEST_CASE("latex: a table longer than a page is several floats of one number", "[analysis]") {
  Table table;
  table.columns = {{"n", "n", Kind::count}};
  table.rows.assign(40, {1.0});
  table.notes = {"a note"};
  const auto count = [](const std::string& text, const std::string& what) {
    std::size_t times = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; ++at) ++times;
    return times;
  };
  CHECK(count(latex(table), "\\begin{table}") == 1);
  table.rows.push_back({12.0});
  const Rendering captioned{
      .format = TableFormat::latex, .caption = "All & more", .label = "tab:a"};
  const std::string text = render(table, captioned);
  CHECK(count(text, "\\begin{table}") == 2);
  CHECK(count(text, "\\end{table}") == 2);
  CHECK(count(text, "{@{}S[table-format=2.0]@{}}\n\\toprule\n{n} \\\\\n\\midrule\n") == 2);
  CHECK(count(text, "\n1 \\\\") == 40);
  CHECK(count(text, "\\midrule\n12 \\\\\n\\bottomrule\n") == 1);
  CHECK(count(text, "\\caption{All \\& more}\\label{tab:a}\n") == 1);
  CHECK(count(text, "\\addtocounter{table}{-1}\\caption[]{All \\& more (continued)}\n") == 1);
  CHECK(count(text, "a note") == 1);
  CHECK(text.find("a note") > text.rfind("\\bottomrule"));
  // So many floats would wait for a page that LaTeX gives up.
  CHECK(count(text, "\\clearpage") == 0);
  table.rows.assign(801, {1.0});
  CHECK(count(render(table, captioned), "\\clearpage") == 2);
  const Rendering alone{.format = TableFormat::latex, .standalone = true};
  table.rows.assign(800, {1.0});
  CHECK(count(render(table, alone), "\\begin{table}") == 1);
  table.rows.assign(801, {1.0});
  CHECK(count(render(table, alone), "\\begin{table}") == 2);
}

TEST_CASE("latex: standalone is a document, and a label no command", "[analysis]") {
  Table table;
  table.columns = {{"n", "n", Kind::count}};
  table.rows = {{1.0}};
  const std::string text =
      render(table, Rendering{.format = TableFormat::latex, .label = "a}{\\b", .standalone = true});
  CHECK(text.starts_with("\\documentclass{article}\n"));
  CHECK(text.ends_with("\\end{document}\n"));
  CHECK_THAT(text, contains("\\label{a---b}"));
}

TEST_CASE("latex: a table is set for its place", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"}, {"n", "dead experts", Kind::number, 1, Column::Better::lower}};
  table.rows = {{std::string(40, 'x'), 1.0}};
  const auto at = [&](Rendering::Width width) {
    return render(table, Rendering{.format = TableFormat::latex, .width = width});
  };
  CHECK_THAT(at(Rendering::Width::column), contains("\\begin{table}\n") &&
                                               contains("\\resizebox{\\ifdim\\width>\\linewidth") &&
                                               contains("\\parbox[t]{14.0em}{\\raggedright"));
  CHECK_THAT(at(Rendering::Width::page), contains("\\begin{table*}\n") &&
                                             contains("\\end{table*}\n") &&
                                             contains("\\resizebox") && !contains("\\parbox"));
  CHECK_THAT(at(Rendering::Width::none), contains("\\begin{table}\n") && !contains("\\resizebox") &&
                                             !contains("\\small") && !contains("graphicx") &&
                                             !contains("\\parbox"));
  // What is too wide in \small is smaller.
  for (int i = 0; i < 4; ++i) {
    table.columns.push_back(table.columns[1]);
    table.rows[0].push_back(1.0);
  }
  CHECK_THAT(at(Rendering::Width::column),
             contains("\\footnotesize\\setlength{\\tabcolsep}{2.2pt}"));
  CHECK_THAT(at(Rendering::Width::page), contains("\\small\\setlength{\\tabcolsep}{3pt}"));
}

TEST_CASE("latex: titles break into two lines where they are wider than their cells",
          "[analysis]") {
  CHECK(title_lines("dead experts", 4) == Cells{"dead", "experts"});
  CHECK(title_lines("dead experts", 11) == Cells{"dead experts"});
  CHECK(title_lines("router.token_choice.k", 3) == Cells{"router.token_", "choice.k"});
  CHECK(title_lines("parameters", 3) == Cells{"parameters"});
  CHECK(title_lines("", 0) == Cells{""});
  CHECK(set({"n", "dead experts", Kind::number, 1, Column::Better::lower}, {1.0}).head ==
        "{\\begin{tabular}[b]{@{}c@{}}dead\\\\experts $\\downarrow$\\end{tabular}}");
  CHECK(set({"n", "a_b c_d"}, {"x"}).head ==
        "{\\begin{tabular}[b]{@{}l@{}}a\\_b\\\\c\\_d\\end{tabular}}");
}

TEST_CASE("latex: a caption is plain text, or TeX", "[analysis]") {
  Table table;
  table.columns = {{"n", "n", Kind::count}};
  table.rows = {{1.0}};
  Rendering rendering{.format = TableFormat::latex, .caption = "$k$ \\cite{x}"};
  CHECK_THAT(render(table, rendering), contains("\\caption{\\$k\\$ \\textbackslash{}cite\\{x\\}}"));
  rendering.caption_is_tex = true;
  CHECK_THAT(render(table, rendering), contains("\\caption{$k$ \\cite{x}}"));
}

TEST_CASE("latex: hostile names leave no command", "[analysis]") {
  const std::string text = latex(hostile_table());
  CHECK_THAT(text,
             !contains("\\input") && !contains("\x1b") && !contains("\x07") && !contains("\n["));
  const std::string wide = render(
      hostile_table(), Rendering{.format = TableFormat::latex, .width = Rendering::Width::none});
  CHECK_THAT(wide, contains(std::string(197, 'x') + "...") && contains("U+4E2DU+6587"));
  CHECK_THAT(wide, !contains("\\input") && !contains("\x1b") && !contains("\x07") &&
                       !contains("\n[") && contains("\\textbackslash{}input\\{/etc/passwd\\}"));
  // A cell is cut; what is left may break.
  CHECK_THAT(text, contains(std::string(24, 'x') + "\\penalty100{}" + std::string(5, 'x') +
                            "...\\strut}"));
}

}  // namespace
}  // namespace moesim::testing
