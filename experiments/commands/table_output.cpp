#include "experiments/commands/table_output.hpp"

#include "analysis/figures/trace_figures.hpp"
#include "analysis/render/escape.hpp"
#include "experiments/commands/export_tables.hpp"
#include "experiments/commands/figure_output.hpp"
#include "experiments/terminal/output_file.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <iostream>
#include <unistd.h>

namespace moesim {
namespace {

TableFormat format_to(const Arguments& arguments, const std::string& out) {
  if (arguments.has("json")) {
    if (arguments.given("format") && arguments.text("format") != "json")
      fail(Exit::usage, "command line: --json and --format " + arguments.text("format") +
                            ": choose one of them");
    return format_of("json");
  }
  if (arguments.given("format") || out.empty()) return format_of(arguments.text("format"));
  if (const auto format = format_of_ending(out)) return *format;
  fail(Exit::usage, "command line: --out " + config::printable(out) +
                        ": unknown ending; add --format, one of " + joined(format_names()));
}

}  // namespace

void add_table_output(Arguments& arguments) {
  arguments
      .value("format", "text", "default: by the ending of --out, else text",
             Offer::one_of(format_names()))
      .value("out", "", "file to write (default: stdout)", Offer::file())
      .flag("json", "the same as --format json");
}

std::optional<std::int64_t> step_of(const Arguments& arguments) {
  if (!arguments.given("step")) return std::nullopt;
  return arguments.integer("step", 0, 1l << 40);
}

TableOutput::TableOutput(const Arguments& arguments)
    : format(format_to(arguments, arguments.text("out"))), out(arguments.text("out")) {
  if (!out.empty()) require_not_of_a_run(out);
}

void TableOutput::write(const Table& table) const {
  if (format == TableFormat::text && out.empty() && ::isatty(STDOUT_FILENO) == 1) {
    Table bare = table;
    bare.notes.clear();
    std::cout << render(bare, format);
    for (const std::string& note : table.notes)
      std::cout << '\n' << wrapped(terminal_safe(note), text_width(), 2);
    std::cout << (table.notes.empty() ? "" : "\n") << std::flush;
    return;
  }
  write_output(out, render(table, format));
  if (format != TableFormat::csv) return;
  for (const std::string& note : table.notes)
    std::cerr << "moesim: note: " << terminal_safe(note) << '\n';
}

void TableOutput::write_with_figure(const Table& table, const Arguments& arguments) const {
  const bool drawn = arguments.given("plot");
  if (!drawn || !out.empty() || arguments.given("format") || arguments.has("json")) write(table);
  if (!drawn) return;
  const FigureOutput figure = figure_output(arguments, arguments.text("plot"), "--plot");
  write_figure(trace_figure(table, panels_for(figure.style)), figure);
}

}  // namespace moesim
