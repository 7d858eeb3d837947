#include "analysis/render/latex_columns.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/render/latex_numbers.hpp"
#include "analysis/render/marks.hpp"
#include "analysis/render/sheet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>

namespace moesim {
namespace {

constexpr std::string_view kNothing = "--";

std::string superscript(const std::string& mark) {
  return mark.empty() ? "" : "\\textsuperscript{" + mark + "}";
}

// Source is a column of the table with its index and marks.
struct Source {
  const Table& table;
  std::size_t column;
  const std::map<std::size_t, std::string>& marks;

  const Column& about() const { return table.columns[column]; }
  const Cell& cell(std::size_t row) const { return table.rows[row][column]; }
  std::string bold(std::size_t row) const {
    return table.bold.contains({row, column}) ? "\\bfseries " : "";
  }
  std::string mark(std::size_t row) const {
    return superscript(marks_at(table, marks, {row, column}));
  }
};

// Returns the header for cells of the given width; the column becomes as wide as the wider of both.
std::string head_of(const Source& source, LatexColumn& column, const std::string& unit = "") {
  std::string title = brief(source.about().title, 200), arrow;
  if (!unit.empty()) title += " (" + unit + ")";
  if (source.about().better == Column::Better::lower) arrow = " $\\downarrow$";
  if (source.about().better == Column::Better::higher) arrow = " $\\uparrow$";
  const std::size_t room = arrow.empty() ? 0 : 2;
  std::vector<std::string> lines = title_lines(title, std::max(column.characters, room) - room);
  for (std::string& line : lines) {
    column.characters = std::max(column.characters, characters_in(line) + room);
    line = latex_text(line);
  }
  if (lines.size() == 1) return lines[0] + arrow;
  return std::string("\\begin{tabular}[b]{@{}") +
         (source.about().kind == Column::Kind::text ? "l" : "c") + "@{}}" + lines[0] + "\\\\" +
         lines[1] + arrow + "\\end{tabular}";
}

// Returns the text of a cell; long text becomes a box with several lines.
std::string text_in(const std::string& text, std::size_t widest) {
  if (characters_in(text) <= widest) return latex_text(text);
  return fmt::format("\\parbox[t]{{{:.1f}em}}{{\\raggedright\\hangindent=1em\\strut {}\\strut}}",
                     0.5 * static_cast<double>(widest), latex_paragraph(text));
}

LatexColumn text_column(const Source& source, std::size_t widest) {
  LatexColumn column;
  column.format = "l";
  for (std::size_t row = 0; row < source.table.rows.size(); ++row) {
    std::string text(kNothing);
    if (!is_empty(source.cell(row))) {
      text = for_people(source.cell(row), source.about());
      column.characters = std::max(column.characters, std::min(characters_in(text), widest));
      text = text_in(text, widest);
    }
    column.cells.push_back(source.bold(row) + text + source.mark(row));
  }
  column.head = "{" + head_of(source, column) + "}";
  return column;
}

// Builds a column of numbers formatted by `text_of`.
template <class TextOf>
LatexColumn number_column(const Source& source, const std::string& unit, TextOf text_of) {
  LatexColumn column;
  Room room;
  for (std::size_t row = 0; row < source.table.rows.size(); ++row) {
    const std::string mark = source.mark(row);
    room.hold_mark(mark);
    const double* value = std::get_if<double>(&source.cell(row));
    if (value == nullptr || !std::isfinite(*value)) {
      const bool empty = is_empty(source.cell(row));
      column.cells.push_back("{" + (empty ? std::string(kNothing) : not_finite(*value)) + mark +
                             "}");
      continue;
    }
    const std::string number = text_of(*value);
    room.hold(number);
    column.cells.push_back(source.bold(row) + number + (mark.empty() ? "" : "{" + mark + "}"));
  }
  column.format = room.format();
  column.characters = room.characters();
  column.head = "{" + head_of(source, column, unit) + "}";
  return column;
}

// Builds a column of counts with a shared unit in the header, or a unit per cell if no shared one
// fits.
LatexColumn count_column(const Source& source) {
  constexpr std::array<const char*, 5> kUnits{"", "k", "M", "G", "T"};
  constexpr double kPlain = 10000, kWidest = 10000;
  double least = INFINITY, most = 0;
  bool whole = true;
  for (const auto& row : source.table.rows) {
    const double* value = std::get_if<double>(&row[source.column]);
    if (value == nullptr || !std::isfinite(*value) || *value == 0) continue;
    least = std::min(least, std::abs(*value));
    most = std::max(most, std::abs(*value));
    whole &= std::trunc(*value) == *value;
  }
  if (most / least >= kWidest && most >= kPlain) {
    LatexColumn column;
    column.format = "r";
    column.characters = 5;
    column.head = "{" + head_of(source, column) + "}";
    for (std::size_t row = 0; row < source.table.rows.size(); ++row) {
      std::string text = for_people(source.cell(row), source.about());
      if (is_empty(source.cell(row))) text = kNothing;
      if (std::isalpha(static_cast<unsigned char>(text.back())))
        text.insert(text.size() - 1, "\\,");
      column.cells.push_back(source.bold(row) + text + source.mark(row));
    }
    return column;
  }
  std::size_t unit = 0;
  double scale = 1;
  if (most >= kPlain)
    for (; std::isfinite(least) && least / scale >= 1000 && unit + 1 < kUnits.size(); ++unit)
      scale *= 1000;
  // Keeps three digits of the smallest value.
  const double first = least / scale;
  const int decimals = (whole && unit == 0) || first >= 100 ? 0 : first >= 10 ? 1 : 2;
  return number_column(source, kUnits[unit],
                       [&](double value) { return fixed(value / scale, decimals); });
}

// Returns the number of decimals of a column, which its median deviation supports. The smallest
// deviation would claim too much precision for most cells, and a different number per cell would
// break the alignment.
int decimals_of(const Source& source) {
  std::vector<double> deviations;
  for (const auto& row : source.table.rows)
    if (const auto* sample = std::get_if<Sample>(&row[source.column]))
      if (sample->count > 0 && std::isfinite(sample->deviation) && sample->deviation > 0)
        deviations.push_back(sample->deviation);
  if (deviations.empty()) return source.about().decimals;
  const auto middle = deviations.begin() + static_cast<std::ptrdiff_t>(deviations.size() / 2);
  std::nth_element(deviations.begin(), middle, deviations.end());
  return supported_decimals(*middle, source.about().decimals);
}

// Builds two S columns, mean and deviation, with ± between them. A single column with numbers like
// 1.8940(34) would be shorter, but siunitx 2 and 3 format it differently when separate-uncertainty
// is on: version 3 omits an uncertainty of 0 and the space before ±, and neither aligns bold
// numbers. A mean without a deviation (one seed) leaves the other two cells empty.
LatexColumn sample_column(const Source& source) {
  LatexColumn column;
  const int decimals = decimals_of(source);
  Room means{.alignment = "right"}, deviations{.alignment = "left"};
  for (std::size_t row = 0; row < source.table.rows.size(); ++row) {
    const std::string bold = source.bold(row), mark = source.mark(row);
    const Sample* sample = std::get_if<Sample>(&source.cell(row));
    if (sample == nullptr || sample->count == 0) {
      column.cells.push_back("\\multicolumn{3}{c}{" + std::string(kNothing) + mark + "}");
      continue;
    }
    if (!std::isfinite(sample->mean)) {
      column.cells.push_back("\\multicolumn{3}{c}{" + bold + not_finite(sample->mean) + mark + "}");
      continue;
    }
    const std::string mean = fixed(sample->mean, decimals);
    means.hold(mean);
    if (sample->count == 1 && std::isnan(sample->deviation)) {
      means.hold_mark(mark);
      column.cells.push_back(bold + mean + (mark.empty() ? "" : "{" + mark + "}") + " & & ");
      continue;
    }
    deviations.hold_mark(mark);
    std::string deviation = "{" + not_finite(sample->deviation) + mark + "}";
    if (std::isfinite(sample->deviation)) {
      const std::string number = fixed_deviation(sample->deviation, decimals);
      if (const std::size_t e = number.find('e'); e != std::string::npos) {
        deviation = fmt::format("{{${}\\cdot10^{{{}}}${}}}", number.substr(0, e),
                                std::atoi(number.c_str() + e + 1), mark);
      } else {
        deviations.hold(number);
        deviation = bold + number + (mark.empty() ? "" : "{" + mark + "}");
      }
    }
    column.cells.push_back(bold + mean + " & " + bold + "$\\pm$ & " + deviation);
  }
  column.format = means.format() + "@{\\,}c@{\\,}" + deviations.format();
  column.characters = means.characters() + deviations.characters();
  column.head = "\\multicolumn{3}{c}{" + head_of(source, column) + "}";
  return column;
}

LatexColumn interval_column(const Source& source) {
  LatexColumn column;
  column.format = "r";
  const auto finite_at = [&](std::size_t row) -> const Interval* {
    const auto* interval = std::get_if<Interval>(&source.cell(row));
    const bool finite =
        interval != nullptr && std::isfinite(interval->low) && std::isfinite(interval->high);
    return finite ? interval : nullptr;
  };
  const int decimals = source.about().decimals;
  Room highs;
  for (std::size_t row = 0; row < source.table.rows.size(); ++row)
    if (const Interval* interval = finite_at(row)) highs.hold(fixed(interval->high, decimals));
  for (std::size_t row = 0; row < source.table.rows.size(); ++row) {
    std::string text(kNothing);
    if (const Interval* interval = finite_at(row)) {
      const std::string low = fixed(interval->low, decimals);
      const std::string high = fixed(interval->high, decimals);
      text = fmt::format("\\lbrack\\num{{{}}},\\,{}\\num{{{}}}\\rbrack", low, padding(high, highs),
                         high);
      column.characters = std::max(column.characters, low.size() + high.size() + 4);
    } else if (const auto* open = std::get_if<Interval>(&source.cell(row));
               open != nullptr && !is_empty(source.cell(row))) {
      const auto end = [&](double value) {
        return std::isfinite(value) ? "\\num{" + fixed(value, decimals) + "}" : not_finite(value);
      };
      text = "\\lbrack{}" + end(open->low) + ",\\," + end(open->high) + "\\rbrack";
    }
    column.cells.push_back(source.bold(row) + text + source.mark(row));
  }
  column.head = "{" + head_of(source, column) + "}";
  return column;
}

LatexColumn column_of(const Source& source, std::size_t widest) {
  switch (source.about().kind) {
    case Column::Kind::text:
      return text_column(source, widest);
    case Column::Kind::count:
      return count_column(source);
    case Column::Kind::number:
      return number_column(source, "",
                           [&](double value) { return fixed(value, source.about().decimals); });
    case Column::Kind::sample:
      return sample_column(source);
    case Column::Kind::interval:
      return interval_column(source);
  }
  return {};
}

}  // namespace

std::vector<std::string> title_lines(const std::string& title, std::size_t below) {
  const std::size_t length = characters_in(title);
  std::vector<std::string> best{title};
  if (length <= below + 1) return best;
  std::size_t shortest = length;
  for (std::size_t i = 1; i + 1 < title.size(); ++i) {
    if (std::string_view(" _=./").find(title[i]) == std::string_view::npos) continue;
    const std::size_t end = title[i] == ' ' ? i : i + 1;
    const std::string first = title.substr(0, end), second = title.substr(i + 1);
    const std::size_t longer = std::max(characters_in(first), characters_in(second));
    if (longer >= shortest) continue;
    shortest = longer;
    best = {first, second};
  }
  return best;
}

std::vector<LatexColumn> latex_columns(const Table& table, std::size_t widest) {
  const auto marks = marks_of(table);
  std::vector<LatexColumn> columns;
  for (const std::size_t origin : sheet_of(table).origins)
    columns.push_back(column_of({table, origin, marks}, widest));
  return columns;
}

}  // namespace moesim
