#include "experiments/commands/score_arms.hpp"

#include "analysis/render/choose_columns.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/runs/load.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Kind = Column::Kind;

std::vector<Outcome> outcomes_of(const std::vector<ScoredRun>& runs) {
  Request request;
  for (const ScoredRun& run : runs) request.paths.push_back(run.folder);
  request.on_unreadable = [](const std::string&) {};
  try {
    return load_runs(request).outcomes;
  } catch (const Error&) {
    return {};  // no run.h5 that can be read
  }
}

// The rows of an arm's complete runs.
std::vector<std::size_t> rows_of(const Arm& arm, const std::vector<ScoredRun>& runs) {
  std::vector<std::size_t> rows;
  for (const Outcome* outcome : arm.complete) {
    const auto run = std::find_if(runs.begin(), runs.end(), [&](const ScoredRun& each) {
      std::error_code error;
      return fs::equivalent(each.folder, fs::path(outcome->path).parent_path(), error);
    });
    if (run == runs.end()) continue;
    for (std::size_t row = run->begin; row < run->end; ++row) rows.push_back(row);
  }
  return rows;
}

}  // namespace

Table scores_by_arm(const Table& scores, const std::vector<ScoredRun>& runs) {
  Table table;
  table.name = "score_arms";
  table.columns = {{"arm", "arm"}, {"domain", "task"}, {"seeds", "seeds", Kind::count}};
  std::vector<std::size_t> from;  // columns of `scores`
  for (const char* key : {"loss", "exact_percent", "chrf"}) {
    from.push_back(column_of(scores, key).value());
    table.columns.push_back(scores.columns[from.back()]);
    table.columns.back().kind = Kind::sample;
  }
  const std::size_t task = column_of(scores, "domain").value();
  const std::vector<Outcome> outcomes = outcomes_of(runs);
  for (const Arm& arm : arms_of(outcomes)) {
    const std::vector<std::size_t> rows = rows_of(arm, runs);
    std::vector<std::string> tasks;  // in the order of their first row
    for (const std::size_t row : rows)
      if (const auto& name = std::get<std::string>(scores.rows[row][task]);
          std::find(tasks.begin(), tasks.end(), name) == tasks.end())
        tasks.push_back(name);
    for (const std::string& name : tasks) {
      std::vector<Cell> cells{arm.name, name};
      for (const std::size_t column : from) {
        std::vector<double> values;
        for (const std::size_t row : rows)
          if (std::get<std::string>(scores.rows[row][task]) == name)
            values.push_back(std::get<double>(scores.rows[row][column]));
        if (cells.size() == 2) cells.emplace_back(static_cast<double>(values.size()));
        cells.emplace_back(sample_of(values));
      }
      table.rows.push_back(std::move(cells));
    }
  }
  table.notes = {
      "by arm: mean ± standard deviation over the complete runs of an arm, one per seed"};
  return table;
}

bool has_deviations(const Table& by_arm) {
  return std::any_of(by_arm.rows.begin(), by_arm.rows.end(),
                     [](const std::vector<Cell>& row) { return std::get<double>(row[2]) > 1; });
}

}  // namespace moesim
