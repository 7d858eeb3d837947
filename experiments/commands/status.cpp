// moesim status: prints the state of every run.
#include "analysis/render/table.hpp"
#include "analysis/runs/dense_part.hpp"
#include "experiments/cluster/launch_slurm.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/runs.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <iostream>
#include <map>
#include <set>

namespace moesim {
namespace {

struct Found {
  KnownRun run;
  RunState state;
};

std::string name_of(const KnownRun& run) {
  return std::filesystem::path(run.folder).filename().string();
}

// True for a run of an earlier sweep that never began, usually because its config was corrected.
bool is_forgotten(const KnownRun& run, const RunState& state) {
  return run.earlier && state.state == State::planned;
}

void print_json(const std::vector<Found>& all, const std::map<std::string, int>& counts) {
  nlohmann::ordered_json document = {{"counts", counts}, {"runs", nlohmann::json::array()}};
  for (const auto& [run, state] : all)
    document["runs"].push_back(
        {{"folder", run.folder},
         {"arm", run.arm},
         {"seed", run.seed < 0 ? nlohmann::json() : nlohmann::json(run.seed)},
         {"planned", run.planned},
         {"earlier", run.earlier},
         {"state", to_string(state.state)},
         {"step", state.step},
         {"steps", run.steps},
         {"why", state.why}});
  std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << '\n';
}

void print_table(const std::vector<Found>& all, const std::map<std::string, int>& counts) {
  using ColumnKind = Column::Kind;
  Table table;
  table.columns = {{"run", "run", ColumnKind::text},
                   {"state", "state", ColumnKind::text},
                   {"step", "step", ColumnKind::text},
                   {"why", "", ColumnKind::text}};
  int never_begun = 0;
  std::set<std::filesystem::path> experiments;
  for (const auto& [run, state] : all)
    experiments.insert(std::filesystem::path(run.folder).parent_path());
  for (const auto& [run, state] : all) {
    if (is_forgotten(run, state)) {
      ++never_begun;
      continue;
    }
    std::string step = std::to_string(state.step);
    if (run.steps > 0) step += fmt::format("/{}", run.steps);
    if (state.state == State::planned) step.clear();
    table.rows.push_back(
        {experiments.size() > 1 ? run.folder : name_of(run), std::string(to_string(state.state)),
         step.empty() ? Cell() : Cell(step),
         Cell(run.earlier ? "of an earlier sweep" + (state.why.empty() ? "" : ", " + state.why)
                          : state.why)});
  }
  std::cout << render(table, TableFormat::text) << '\n';
  std::string line;
  for (const auto& [name, count] : counts)
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, name);
  std::cout << line << '\n';
  if (never_begun > 0)
    std::cout << fmt::format(
        "{} more {} planned by earlier sweeps and never begun; --json lists {}\n", never_begun,
        never_begun == 1 ? "run was" : "runs were", never_begun == 1 ? "it" : "them");
}

}  // namespace

Arguments status_arguments() {
  Arguments arguments(
      "status PATH...",
      "Prints the state of every run: planned, made (by moesim transform, not trained), running, "
      "interrupted, complete, diverged, or failed and why. PATH is the folder of an experiment or "
      "of a run.");
  arguments.flag("json", "print one JSON document");
  return arguments;
}

int status_command(const Words& words) {
  Arguments arguments = status_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("status of what?");
  std::vector<Found> all;
  RunReader reader;
  std::map<std::string, int> counts;
  std::map<std::string, std::map<std::string, SlurmTask>> queues;  // by experiment
  const auto warn = [](const std::string& problem) { std::cerr << "warning: " << problem << '\n'; };
  for (const std::string& path : arguments.rest())
    for (KnownRun& run : known_runs(path, warn)) {
      RunState state = state_of(run.folder, reader);
      const std::string experiment = std::filesystem::path(run.folder).parent_path().string();
      if (queues.count(experiment) == 0) queues[experiment] = slurm_tasks(experiment);
      const auto task = queues[experiment].find(name_of(run));
      if (task != queues[experiment].end() && state.state != State::complete)
        state.why += fmt::format("{}job {}: {}", state.why.empty() ? "" : ", ", task->second.job,
                                 task->second.state);
      if (is_dense_folder(run.folder))
        state.why += (state.why.empty() ? "" : ", ") + std::string(kDensePart);
      if (!is_forgotten(run, state)) ++counts[to_string(state.state)];
      all.push_back({std::move(run), std::move(state)});
    }
  if (arguments.has("json"))
    print_json(all, counts);
  else
    print_table(all, counts);
  std::set<std::string> listed;
  for (const Found& found : all) listed.insert(found.run.folder);
  if (const std::string note = deeper_note(arguments.rest(), listed, "status"); !note.empty())
    std::cerr << "note: " << note << '\n';
  return 0;
}

}  // namespace moesim
