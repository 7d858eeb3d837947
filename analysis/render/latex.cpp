// Writes a table as LaTeX with booktabs and siunitx (version 2 or 3): one float, or several if the
// table may be longer than a page.
#include "analysis/render/escape.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/render/latex_columns.hpp"
#include "analysis/render/marks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace moesim {
namespace {

// Rows per float: more may not fit on a page. A standalone document's page is as large as the
// table, up to TeX's limit of 5.7 m. A longtable could neither be shrunk nor set in two columns.
constexpr std::size_t kLongest = 40, kLongestAlone = 800;
// LaTeX holds 18 floats (52 with e-TeX) that have found no page yet.
constexpr std::size_t kWaitingFloats = 10;

// Fit describes the place that a table must fit.
struct Fit {
  std::string environment = "table";
  std::size_t widest = 200;  // characters per line of text
  double width = 0;          // width in pt of the narrowest usual place; 0: not fitted
};

Fit fit_of(Rendering::Width width) {
  switch (width) {
    case Rendering::Width::column:
      return {"table", 28, 240};  // a column of IEEE, ACM or article with two
    case Rendering::Width::page:
      return {"table*", 48, 480};
    case Rendering::Width::none:
      break;
  }
  return {};
}

// Estimates the width of a table in \small, in pt.
double width_of(const std::vector<LatexColumn>& columns) {
  constexpr double kCharacter = 4.7, kGap = 6;
  double width = 0;
  for (const LatexColumn& column : columns)
    width += kCharacter * static_cast<double>(column.characters) + kGap;
  return width;
}

// Returns \small if the table probably fits, else \footnotesize.
std::string size_for(const Fit& fit, const std::vector<LatexColumn>& columns) {
  return width_of(columns) <= fit.width ? "\\small\\setlength{\\tabcolsep}{3pt}\n"
                                        : "\\footnotesize\\setlength{\\tabcolsep}{2.2pt}\n";
}

// Shrinks a table that is still too wide, so that it does not overlap neighbouring text.
constexpr std::string_view kShrink =
    "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n";

// Keeps bold numbers aligned by using the font series b, whose digits are as wide as regular ones
// (those of bx are wider). siunitx 2 expands cells, so \bfseries must be protected, and its
// \rmfamily uses the series of \bfseries@rm.
constexpr std::string_view kBold =
    "\\makeatletter\\@ifundefined{\\f@encoding/\\f@family/b/n}{}{\\def\\bfdefault{b}%\n"
    "  \\let\\bfseries@rm\\bfdefault\\let\\bfseries@sf\\bfdefault}\\makeatother\n"
    "\\protected\\def\\bfseries{\\fontseries{\\bfdefault}\\selectfont}\n";

std::string joined_cells(const std::vector<LatexColumn>& columns,
                         const std::function<std::string(const LatexColumn&)>& cell_of) {
  std::string line;
  for (const LatexColumn& column : columns) line += (line.empty() ? "" : " & ") + cell_of(column);
  return line + " \\\\\n";
}

// Returns the caption; continued floats keep the number of the first.
std::string caption_of(const Rendering& rendering, bool first) {
  std::string text;
  if (!rendering.caption.empty()) {
    const std::string caption =
        rendering.caption_is_tex ? rendering.caption : latex_paragraph(rendering.caption);
    text += first ? "\\caption{" + caption + "}"
                  : "\\addtocounter{table}{-1}\\caption[]{" + caption + " (continued)}";
  }
  if (first && !rendering.label.empty()) text += "\\label{" + plain_label(rendering.label) + "}";
  return text.empty() ? text : text + "\n";
}

std::string notes_of(const Table& table) {
  if (table.notes.empty()) return "";
  const auto marks = marks_of(table);
  std::string text = "\\par\\medskip\n{\\footnotesize\\raggedright\n";
  for (std::size_t n = 0; n < table.notes.size(); ++n) {
    const auto mark = marks.find(n);
    if (mark != marks.end()) text += "\\textsuperscript{" + mark->second + "}\\,";
    text += latex_paragraph(table.notes[n]) + "\\par\n";
  }
  return text + "}\n";
}

std::string body_of(const Table& table, const std::vector<LatexColumn>& columns,
                    const Rendering& rendering) {
  std::string format, floats;
  for (const LatexColumn& column : columns) format += (format.empty() ? "" : " ") + column.format;
  const std::string head = "\\begin{tabular}{@{}" + format + "@{}}\n\\toprule\n" +
                           joined_cells(columns, [](const auto& column) { return column.head; }) +
                           "\\midrule\n";
  const std::string setup = "\\sisetup{mode=text,detect-weight,detect-family}\n" +
                            std::string(table.bold.empty() ? "" : kBold);
  const Fit fit = fit_of(rendering.width);
  const std::string size = fit.width > 0 ? size_for(fit, columns) : "";
  const std::size_t all = table.rows.size();
  const std::size_t longest = rendering.standalone ? kLongestAlone : kLongest;
  for (std::size_t first = 0; first == 0 || first < all; first += longest) {
    const std::size_t end = std::min(first + longest, all);
    std::string tabular = head;
    for (std::size_t row = first; row < end; ++row)
      tabular += joined_cells(columns, [row](const auto& column) { return column.cells[row]; });
    tabular += "\\bottomrule\n\\end{tabular}";
    floats += "\\begin{" + fit.environment + "}\n\\centering\n" +
              caption_of(rendering, first == 0) + setup + size +
              (size.empty() ? tabular + "\n" : std::string(kShrink) + tabular + "}\n") +
              (end == all ? notes_of(table) : "") + "\\end{" + fit.environment + "}\n";
    if (end < all && end % (kWaitingFloats * longest) == 0) floats += "\\clearpage\n";
  }
  return floats;
}

// Returns a page size in mm that fits the table; TeX has no lengths above 5.7 m.
std::string page_of(const Table& table, const std::vector<LatexColumn>& columns) {
  constexpr double kCharacter = 1.8, kGap = 5, kLine = 5.5, kMargins = 30, kMost = 5000;
  double width = kMargins, height = kMargins + 20;
  for (const LatexColumn& column : columns)
    width += kCharacter * static_cast<double>(column.characters) + kGap;
  width = std::clamp(width, 120.0, kMost);
  height += kLine * static_cast<double>(std::min(table.rows.size(), kLongestAlone) + 2);
  for (const std::string& note : table.notes)
    height += kLine * (1 + kCharacter * static_cast<double>(note.size()) / (width - kMargins));
  return fmt::format("paperwidth={:.0f}mm,paperheight={:.0f}mm,margin=15mm", width,
                     std::clamp(height, 60.0, kMost));
}

}  // namespace

std::string as_latex(const Table& table, const Rendering& rendering) {
  const std::vector<LatexColumn> columns = latex_columns(table, fit_of(rendering.width).widest);
  const std::string packages =
      rendering.width == Rendering::Width::none ? "booktabs,siunitx" : "booktabs,graphicx,siunitx";
  const std::string body = columns.empty() ? "" : body_of(table, columns, rendering);
  if (!rendering.standalone)
    return "% \\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{" + packages +
           "}\n" + body;
  return "\\documentclass{article}\n"
         "\\usepackage[T1]{fontenc}\n"
         "\\usepackage[utf8]{inputenc}\n"
         "\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n"
         "\\usepackage{" +
         packages + "}\n\\usepackage[" + page_of(table, columns) +
         "]{geometry}\n\\pagestyle{empty}\n\\begin{document}\n" + body + "\\end{document}\n";
}

double latex_size(const Table& table, const Rendering& rendering) {
  constexpr double kSmall = 9, kFootnote = 8;
  const Fit fit = fit_of(rendering.width);
  const double width = width_of(latex_columns(table, fit.widest));
  if (fit.width <= 0 || width <= 0 || rendering.standalone) return 0;
  if (width <= fit.width) return kSmall;
  return std::min(kFootnote, kSmall * fit.width / width);
}

}  // namespace moesim
