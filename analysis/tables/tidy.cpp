#include "analysis/tables/tidy.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/tables/tidy_rows.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr std::string_view kHeader = "run,arm,seed,step,layer,expert,domain,quantity,value\r\n";
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kMostCharacters = 1000;  // of a name, which is repeated in every row

// Returns the excerpt that holds these variables and their labels.
Excerpt excerpt_of(const std::set<std::string>& quantities, std::int64_t rows) {
  Excerpt excerpt{{"moesim_schema", "run_id"}, {}};
  for (const std::string& name : quantities) excerpt.last_rows[name] = rows;
  for (const char* label : {"step", "eval_step", "record_step", "layer", "expert", "domain", "aux"})
    excerpt.last_rows[label] = rows;
  return excerpt;
}

// Reads a whole run file, or only the needed part if it is small enough.
Run read_values(const std::string& path, const std::set<std::string>& quantities,
                RunReader& reader) {
  if (quantities.empty()) return read_run_but_traces(path);
  try {
    return read_run(path, reader, excerpt_of(quantities, std::numeric_limits<std::int64_t>::max()));
  } catch (const Error& problem) {
    if (problem.code() != Exit::data) throw;
    return read_run(path);
  }
}

// Returns the arm name of each outcome; "" if the arm is left out.
std::vector<std::string> arms_by_run(const std::vector<Outcome>& outcomes,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> by_run(outcomes.size());
  for (const Arm& arm : arms_named(arms_of(outcomes), names))
    for (const Outcome* run : arm.runs)
      by_run[static_cast<std::size_t>(run - outcomes.data())] = arm.name;
  return by_run;
}

void insert_quantities(const Run& run, std::set<std::string>& names) {
  for (const Variable& variable : run.file.variables())
    if (variable.type != Variable::Type::text && !is_label(variable.name))
      names.insert(variable.name);
}

// Throws for a wanted quantity that is not in `found`, the quantities of any run. `path` is a run
// whose names are used for the suggestion.
void check_quantities(const std::vector<std::string>& wanted, const std::set<std::string>& found,
                      const std::string& path) {
  for (const std::string& name : wanted) {
    if (found.contains(name)) continue;
    std::set<std::string> names;
    insert_quantities(read_run_but_traces(path), names);
    const std::string near = nearest(name, {names.begin(), names.end()});
    fail(Exit::usage, "no run has recorded numbers '" + terminal_safe(name) +
                          "': " + (near.empty() ? "" : "did you mean " + near + "? ") +
                          "analysis/FORMAT.md has the names");
  }
}

}  // namespace

std::vector<std::string> write_tidy(const Request& request, const TidyOptions& options,
                                    const TidySink& sink) {
  const std::set<std::string> quantities(options.quantities.begin(), options.quantities.end());
  std::set<std::string> found;
  std::vector<std::string> run_ids;
  std::map<std::string, int> uses;
  Loaded loaded = load_runs(request, excerpt_of(quantities, 1), [&](const Run& run, std::size_t) {
    insert_quantities(run, found);
    run_ids.push_back(run.file.text("run_id"));
    ++uses[run_ids.back()];
  });
  check_quantities(options.quantities, found, loaded.outcomes.front().path);
  const std::vector<std::string> arms = arms_by_run(loaded.outcomes, options.arms);

  std::string text(kHeader);
  const auto flush = [&] {
    sink(text);
    text.clear();
  };
  RunReader reader;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (arms[i].empty()) continue;
    const Outcome& outcome = loaded.outcomes[i];
    const bool unique = !run_ids[i].empty() && uses[run_ids[i]] == 1;
    const std::string prefix =
        csv_cell(brief(unique ? run_ids[i] : outcome.path, kMostCharacters)) + "," +
        csv_cell(brief(arms[i], kMostCharacters)) + "," +
        (outcome.seed ? std::to_string(*outcome.seed) : "") + ",";
    try {
      append_rows(read_values(outcome.path, quantities, reader), quantities, prefix, text, [&] {
        if (text.size() >= kPiece) flush();
      });
    } catch (const Error& problem) {
      if (problem.code() != Exit::data) throw;
      loaded.notes.push_back(
          fmt::format("left out, because it cannot be read: {}", problem.what()));
      if (request.on_unreadable) request.on_unreadable(problem.what());
    }
  }
  flush();
  return std::move(loaded.notes);
}

void write_tidy(const Request& request, std::ostream& out) {
  write_tidy(request, {}, [&](std::string_view piece) {
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  });
}

}  // namespace moesim
