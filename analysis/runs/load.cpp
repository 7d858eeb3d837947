#include "analysis/runs/load.hpp"

#include "analysis/runs/dense_part.hpp"
#include "analysis/runs/select.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

Excerpt with_outcome(const std::vector<std::string>& quantities, const Excerpt& more) {
  Excerpt excerpt = outcome_excerpt(quantities);
  for (const auto& [name, rows] : more.last_rows) {
    std::int64_t& most = excerpt.last_rows[name];
    most = std::max(most, rows);
  }
  return excerpt;
}

}  // namespace

Loaded load_runs(const Request& request, const Excerpt& more, const Visit& visit) {
  const Selection selection = select_runs(request.paths, request.all);
  if (selection.files.empty())
    fail(Exit::data, joined(request.paths) +
                         ": no run of the latest sweep has a run file yet; --all includes the runs "
                         "of earlier sweeps");
  Loaded loaded;
  loaded.notes = selection.notes;
  RunReader reader;
  const Excerpt excerpt = with_outcome(request.quantities, more);
  for (const std::string& path : selection.files) {
    try {
      const Run run = read_run(path, reader, excerpt);
      if (run.has("trace_rows") && !run.has("status") && run.file.find("eval_step") == nullptr)
        fail(Exit::data, path +
                             ": assignments that moesim route listed, without a training; use "
                             "moesim analyze or moesim whatif");
      if (is_dense_folder(std::filesystem::absolute(path).parent_path().string()))
        loaded.notes.push_back(path + ": " + kDensePart);
      Outcome outcome = outcome_of(run, request.quantities);
      if (request.status_of) outcome.status = request.status_of(path, outcome.status);
      // A run whose visit fails is left out of the outcomes.
      if (visit) visit(run, loaded.outcomes.size());
      loaded.outcomes.push_back(std::move(outcome));
    } catch (const Error& problem) {
      if (problem.code() != Exit::data) throw;
      loaded.unreadable.push_back(problem.what());
    }
  }
  // Each reason is printed once; the first one by the error, if there is one.
  const bool none = loaded.outcomes.empty();
  if (request.on_unreadable)
    for (std::size_t i = none ? 1 : 0; i < loaded.unreadable.size(); ++i)
      request.on_unreadable(loaded.unreadable[i]);
  if (none) fail(Exit::data, loaded.unreadable.front());
  for (const std::string& reason : loaded.unreadable)
    loaded.notes.push_back("left out, because it cannot be read: " + reason);
  return loaded;
}

}  // namespace moesim
