// moesim export: a table for a paper or a program.
#include "analysis/render/escape.hpp"
#include "analysis/render/format.hpp"
#include "analysis/tables/tidy.hpp"
#include "experiments/commands.hpp"
#include "experiments/export_tables.hpp"
#include "experiments/export_tensorboard.hpp"
#include "experiments/output_file.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <utility>

namespace moesim {
namespace {

// The format that a file is of by its name.
constexpr auto kEndings =
    std::to_array<std::pair<std::string_view, Format>>({{".txt", Format::text},
                                                        {".csv", Format::csv},
                                                        {".md", Format::md},
                                                        {".tex", Format::latex},
                                                        {".html", Format::html},
                                                        {".htm", Format::html},
                                                        {".json", Format::json}});

Format format_for(const Arguments& arguments, const TableKind& kind) {
  const std::string name = arguments.text("format"), out = arguments.text("out");
  if (!name.empty()) return format_of(name);
  if (kind.make == nullptr) return Format::csv;
  if (out.empty()) return Format::text;
  const std::string ending = std::filesystem::path(out).extension();
  for (const auto& [known, format] : kEndings)
    if (ending == known) return format;
  fail(Exit::usage, "command line: --out " + config::printable(out) +
                        ": no format has this ending; add --format, one of " +
                        joined(format_names()));
}

// Options that would change nothing are refused.
void check_options(const Arguments& arguments, const TableKind& kind, Format format) {
  for (const char* option :
       {"arm", "baseline", "at", "target", "by", "metric", "layer", "window"}) {
    const auto& known = kind.options;
    if (!arguments.given(option) || std::find(known.begin(), known.end(), option) != known.end())
      continue;
    fail(Exit::usage, "command line: --table " + kind.name + " takes no --" + option +
                          "; it takes --" + joined(known, ", --") + ", --all and --columns");
  }
  if (kind.make == nullptr && format != Format::csv)
    fail(Exit::usage, "command line: --table tidy is CSV; leave out --format");
  if (format == Format::latex || format == Format::html) return;
  for (const char* option : {"caption", "label", "standalone"})
    if (arguments.given(option))
      fail(Exit::usage, std::string("command line: --") + option +
                            " is of the formats latex and html; add --format latex");
}

std::string label_in(const Arguments& arguments) {
  const std::string label = arguments.text("label");
  if (plain_label(label) != label)
    fail(Exit::usage, "command line: --label " + config::printable(label) +
                          ": a label has letters, digits and : . - + _ / alone");
  return label;
}

TableRequest request_in(const Arguments& arguments) {
  TableRequest request{.chosen = analysis_arguments(arguments, "export what?"),
                       .by = arguments.text("by"),
                       .metric = arguments.text("metric"),
                       .layer = arguments.text("layer"),
                       .window = static_cast<std::size_t>(arguments.integer("window", 0, 1L << 30)),
                       .columns = {}};
  if (arguments.given("columns"))
    request.columns = names_in(arguments.text("columns"), "--columns");
  return request;
}

// Returns the notes.
std::vector<std::string> write_table(const TableKind& kind, const TableRequest& request,
                                     const Rendering& rendering, const std::string& out) {
  std::vector<std::string> notes;
  if (kind.make == nullptr) {
    write_output(out, [&](const auto& take) {
      notes = write_tidy(request.chosen.request, {request.columns, request.chosen.arms}, take);
    });
    return notes;
  }
  Table table = kind.make(request);
  const std::string text = render(table, rendering);
  write_output(out, [&](const auto& take) { take(text); });
  return std::move(table.notes);
}

void say(const std::string& kind, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    std::cerr << "moesim: " << kind << terminal_safe(line) << '\n';
}

// The notes that say something else than `said`.
std::vector<std::string> without(std::vector<std::string> notes,
                                 const std::vector<std::string>& said) {
  std::erase_if(notes, [&](const std::string& note) {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& line) { return note.ends_with(line); });
  });
  return notes;
}

Arguments arguments_of_export() {
  std::string about =
      "Writes a table of runs. PATH is a run file, a run folder or an experiment folder. A file "
      "that cannot be read is left out, and the exit code is 3. Tables:\n";
  for (const TableKind& kind : table_kinds())
    about += "  " + kind.name + std::string(13 - kind.name.size(), ' ') + kind.about + "\n";
  about.pop_back();
  Arguments arguments("export PATH...", about);
  arguments.value("table", "routers", "one of those above")
      .value("format", "",
             "one of " + joined(format_names()) + "; by the ending of --out, text otherwise")
      .value("out", "", "file, which appears whole or not at all; stdout otherwise")
      .value("columns", "",
             "KEY,KEY: these columns alone, by their keys in CSV; for routers and "
             "tidy also any recorded quantity")
      .value("by", "",
             "what a row is: layer or expert for utilization, domain, layer or expert "
             "for domains")
      .value("metric", "", "quantity of curves and ablation; eval_loss otherwise")
      .value("layer", "", "curves: of this layer; the mean over layers otherwise")
      .value("window", "0",
             "utilization: the sum of so many last records of training in place of "
             "an evaluation")
      .value("caption", "", "latex, html: above the table")
      .value("label", "", "latex: of \\label; html: the id of the element")
      .flag("standalone", "latex, html: a whole document");
  add_analysis_arguments(arguments);
  add_tensorboard_arguments(arguments);
  return arguments;
}

}  // namespace

int export_command(const Words& words) {
  Arguments arguments = arguments_of_export();
  if (!arguments.parse(words)) return 0;
  if (arguments.given("to")) return export_to_tensorboard(arguments);
  for (const char* option : {"follow", "interval"})
    if (arguments.given(option))
      fail(Exit::usage, std::string("command line: --") + option + " goes with --to tensorboard");
  const TableKind& kind = table_kind(arguments.text("table"));
  const Format format = format_for(arguments, kind);
  check_options(arguments, kind, format);
  const Rendering rendering{.format = format,
                            .caption = arguments.text("caption"),
                            .label = label_in(arguments),
                            .standalone = arguments.has("standalone")};
  TableRequest request = request_in(arguments);
  std::vector<std::string> unreadable;
  request.chosen.request.on_unreadable = [&unreadable](const std::string& why) {
    unreadable.push_back(why);
  };
  std::vector<std::string> notes;
  try {
    notes = write_table(kind, request, rendering, arguments.text("out"));
  } catch (const Error& error) {
    // The last line is the error itself, which may be one of them.
    std::erase(unreadable, error.what());
    say("", unreadable);
    throw;
  }
  say("", unreadable);
  // CSV has no place for notes, and what they say is not to be missed.
  if (format == Format::csv) say("note: ", without(notes, unreadable));
  return static_cast<int>(unreadable.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
