// moesim export: writes a table for a paper or a program.
#include "analysis/render/choose_notes.hpp"
#include "analysis/render/escape.hpp"
#include "analysis/render/format.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/tables/paper_columns.hpp"
#include "analysis/tables/tidy.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/export_tables.hpp"
#include "experiments/commands/export_tensorboard.hpp"
#include "experiments/terminal/output_file.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <utility>

namespace moesim {
namespace {

TableFormat format_for(const Arguments& arguments, const TableKind& kind) {
  const std::string name = arguments.text("format"), out = arguments.text("out");
  if (!name.empty()) return format_of(name);
  const bool is_tidy = kind.make == nullptr;
  if (out.empty()) return is_tidy ? TableFormat::csv : TableFormat::text;
  if (const auto format = format_of_ending(out)) return *format;
  if (is_tidy) return TableFormat::csv;
  fail(Exit::usage, "command line: --out " + config::printable(out) +
                        ": unknown ending; add --format, one of " + joined(format_names()));
}

// Refuses options that would have no effect.
void check_options(const Arguments& arguments, const TableKind& kind, TableFormat format) {
  for (const char* option :
       {"arm", "baseline", "at", "target", "by", "metric", "layer", "window"}) {
    const auto& known = kind.options;
    if (!arguments.given(option) || std::find(known.begin(), known.end(), option) != known.end())
      continue;
    fail(Exit::usage, "command line: --table " + kind.name + " takes no --" + option +
                          "; it takes --" + joined(known, ", --") + ", --all and --columns");
  }
  if (arguments.given("at") && arguments.given("window"))
    fail(
        Exit::usage,
        "command line: --at chooses an evaluation and --window records of training; leave one out");
  if (kind.make == nullptr && format != TableFormat::csv)
    fail(Exit::usage, "command line: --table tidy is CSV alone; name a .csv file");
  if (kind.make == nullptr && arguments.given("notes"))
    fail(Exit::usage, "command line: --table tidy has no notes; leave out --notes");
  for (const char* option : {"caption-tex", "width"})
    if (arguments.given(option) && format != TableFormat::latex)
      fail(Exit::usage, std::string("command line: --") + option +
                            " is of the format latex; add --format latex");
  if (arguments.given("caption") && arguments.given("caption-tex"))
    fail(Exit::usage, "command line: --caption and --caption-tex: a table has one caption");
  if (format == TableFormat::latex || format == TableFormat::html) return;
  for (const char* option : {"caption", "label", "standalone"})
    if (arguments.given(option))
      fail(Exit::usage, std::string("command line: --") + option +
                            " is of the formats latex and html; add --format latex");
}

std::string label_in(const Arguments& arguments) {
  std::string label = arguments.text("label");
  if (plain_label(label) != label)
    fail(Exit::usage, "command line: --label " + config::printable(label) +
                          ": a label has letters, digits and : . - + _ / alone");
  return label;
}

// Rejects unbalanced braces, which would break the LaTeX document.
std::string tex_caption_in(const Arguments& arguments) {
  std::string caption = arguments.text("caption-tex");
  int depth = 0;
  bool escaped = false, balanced = true;
  for (const char c : caption) {
    if (!escaped) depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    balanced &= depth >= 0;
    escaped = c == '\\' && !escaped;
  }
  if (depth != 0 || !balanced || escaped)
    fail(Exit::usage, "command line: --caption-tex " + config::printable(caption) + ": " +
                          (escaped ? "it ends in \\" : "its braces do not match"));
  return caption;
}

constexpr Named<Rendering::Width> kTableWidths[] = {{"column", Rendering::Width::column},
                                                    {"page", Rendering::Width::page},
                                                    {"none", Rendering::Width::none}};

Rendering rendering_in(const Arguments& arguments, TableFormat format) {
  Rendering rendering{.format = format,
                      .caption = arguments.text("caption"),
                      .label = label_in(arguments),
                      .standalone = arguments.has("standalone"),
                      .caption_is_tex = arguments.given("caption-tex"),
                      .width = arguments.chosen<Rendering::Width>("width", kTableWidths)};
  if (rendering.caption_is_tex) rendering.caption = tex_caption_in(arguments);
  return rendering;
}

TableRequest request_in(const Arguments& arguments) {
  TableRequest request{.chosen = analysis_arguments(arguments, "export what?"),
                       .by = arguments.text("by"),
                       .metric = arguments.text("metric"),
                       .layer = arguments.text("layer"),
                       .window = static_cast<std::size_t>(arguments.integer("window", 0, 1L << 30)),
                       .columns = {}};
  if (arguments.given("columns") && arguments.text("columns") != kAllColumns)
    request.columns = names_in(arguments.text("columns"), "--columns");
  return request;
}

// Applies --columns and --notes to a table.
struct Kept {
  bool papers_columns = false;
  Notes notes = Notes::all;
};

// Warns of letters below 6 pt, which most journals refuse.
void say_if_tiny(const Table& table, const Rendering& rendering) {
  constexpr double kLeast = 6;
  const double size = rendering.format == TableFormat::latex ? latex_size(table, rendering) : 0;
  if (size == 0 || size >= kLeast) return;
  const bool in_column = rendering.width == Rendering::Width::column;
  std::cerr << fmt::format(
      "moesim: note: so wide a table has letters of about {:.0f} pt in {}; choose {}columns by "
      "--columns\n",
      size, in_column ? "a column of 240 pt" : "a page of 480 pt",
      in_column ? "--width page, or " : "");
}

// Writes the table and returns its notes.
std::vector<std::string> write_table(const TableKind& kind, const TableRequest& request,
                                     const Rendering& rendering, const Kept& kept,
                                     const std::string& out) {
  std::vector<std::string> notes;
  if (kind.make == nullptr) {
    write_output(out, [&](const auto& take) {
      notes = write_tidy(request.chosen.request, {request.columns, request.chosen.arms}, take);
    });
    return notes;
  }
  Table table = kind.make(request);
  if (kept.papers_columns) table = for_paper(table);
  table = with_notes(table, kept.notes);
  const std::string text = render(table, rendering);
  write_output(out, [&](const auto& take) { take(text); });
  say_if_tiny(table, rendering);
  return std::move(table.notes);
}

void say(const std::string& kind, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    std::cerr << "moesim: " << kind << terminal_safe(line) << '\n';
}

// The notes that `said` does not contain.
std::vector<std::string> without(std::vector<std::string> notes,
                                 const std::vector<std::string>& said) {
  std::erase_if(notes, [&](const std::string& note) {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return note.ends_with(line); });
  });
  return notes;
}

}  // namespace

Arguments export_arguments() {
  const std::string about =
      "Writes a table of runs. PATH is a run file, a run folder or an experiment folder. "
      "Unreadable "
      "files are left out, and the exit code is 3. Tables:";
  std::vector<std::string> tables;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const TableKind& kind : table_kinds()) {
    tables.push_back(kind.name);
    rows.emplace_back(kind.name, kind.about);
  }
  Arguments arguments("export PATH...", about + named_rows(rows));
  arguments.value("table", "routers", "one of the tables above", Offer::one_of(tables))
      .value("format", "", "default: by the ending of --out, else text",
             Offer::one_of(format_names()))
      .value("out", "", "output file, written atomically; default: stdout", Offer::file())
      .value("columns", "",
             "KEY,KEY: only these columns, by their keys, which JSON has (a CSV header adds _mean "
             "and _std to those of quantities over seeds); for routers and tidy also any recorded "
             "quantity; all: every column (latex and md show a selection by default)")
      .value("by", "",
             "unit of a row: layer or expert for utilization; domain, layer or expert "
             "for domains",
             Offer::one_of({"layer", "expert", "domain"}))
      .value("metric", "", "quantity of curves and ablation; default: eval_loss")
      .value("layer", "", "curves: the layer to show; default: the mean over layers")
      .value("window", "0",
             "utilization: sum over this many last training records instead of an "
             "evaluation")
      .value("notes", "all",
             "notes below the table: all; short: those that cells refer to, and the meaning of ±; "
             "or none",
             Offer::one_of(all_names<Notes>(kNotes)))
      .value("caption", "", "latex, html: caption above the table, as plain text")
      .value("caption-tex", "", "latex: caption as LaTeX source: $k$, \\cite{...}")
      .value("width", "column",
             "latex: fit to a column of text or to the page (table*), with smaller letters if "
             "necessary; none: do not fit",
             Offer::one_of(all_names<Rendering::Width>(kTableWidths)))
      .value("label", "", "latex: argument of \\label; html: id of the element")
      .flag("standalone", "latex, html: write a complete document");
  add_analysis_arguments(arguments);
  add_tensorboard_arguments(arguments);
  return arguments;
}

int export_command(const Words& words) {
  Arguments arguments = export_arguments();
  if (!arguments.parse(words)) return 0;
  if (!arguments.text("to").empty()) return export_to_tensorboard(arguments);
  for (const char* option : {"follow", "interval"})
    if (arguments.given(option))
      fail(Exit::usage, std::string("command line: --") + option + " goes with --to tensorboard");
  const std::string table = arguments.text("table");
  const TableKind& kind = table_kind(table);
  const TableFormat format = format_for(arguments, kind);
  check_options(arguments, kind, format);
  const Rendering rendering = rendering_in(arguments, format);
  const Kept kept{!arguments.given("columns") && is_of_papers(format),
                  arguments.chosen<Notes>("notes", kNotes)};
  TableRequest request = request_in(arguments);
  std::vector<std::string> unreadable;
  request.chosen.request.on_unreadable = [&unreadable](const std::string& why) {
    unreadable.push_back(why);
  };
  std::vector<std::string> notes;
  try {
    notes = write_table(kind, request, rendering, kept, arguments.text("out"));
  } catch (const Error& error) {
    // The error is printed last; do not repeat it as a note.
    std::erase(unreadable, error.what());
    say("", unreadable);
    throw;
  }
  say("", unreadable);
  // CSV has no place for notes, so print them on stderr.
  if (format == TableFormat::csv) say("note: ", without(notes, unreadable));
  return static_cast<int>(unreadable.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
