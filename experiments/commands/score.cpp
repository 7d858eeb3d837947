// moesim score: says how well the models of runs answer, task by task.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/export_tables.hpp"
#include "experiments/commands/score_arms.hpp"
#include "experiments/commands/score_table.hpp"
#include "experiments/commands/table_output.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/runs.hpp"
#include "experiments/terminal/output_file.hpp"
#include "experiments/terminal/slow_notice.hpp"
#include "sim/config/text.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <map>

namespace moesim {
namespace {

namespace fs = std::filesystem;

const TaskTokenizer* tokenizer_of(const Experiment& e) {
  return dynamic_cast<const TaskTokenizer*>(e.data->tokenizer());
}

void require_pairs(const std::string& folder, const Experiment& e) {
  if (tokenizer_of(e) == nullptr || !e.task->shape().causal)
    fail(Exit::usage, folder +
                          ": only runs with data.name = tasks and task.name = causal_lm have "
                          "answers to score");
}

// The format of --answers-out, by its ending. table: the file of --out, or "".
TableFormat answers_format(const Arguments& arguments, const std::string& table) {
  if (!arguments.given("answers-out")) return TableFormat::csv;
  const std::string out = arguments.text("answers-out");
  const std::string named = "command line: --answers-out " + config::printable(out);
  const auto format = format_of_ending(out);
  if (!format)
    fail(Exit::usage, named + (out.empty() ? ": no file is named" : ": unknown ending") +
                          "; write FILE.csv, .json, .txt, .md, .html or .tex");
  std::error_code error;
  const fs::path place = fs::weakly_canonical(fs::absolute(out), error);
  if (!table.empty() && place == fs::weakly_canonical(fs::absolute(table), error))
    fail(Exit::usage, named + ": --out names the same file; choose another for one of them");
  if (const fs::path folder = place.parent_path(); !error && !fs::is_directory(folder, error))
    fail(Exit::output,
         fmt::format("{}: there is no folder {}; create it or choose another --answers-out", named,
                     fs::path(out).parent_path().string()));
  require_not_of_a_run(out);
  return *format;
}

// What a reader of rows must know, and the runs for which it holds.
using ScoreNotes = std::map<std::string, std::vector<std::string>>;

void add_notes(ScoreNotes& notes, const std::string& name, const Experiment& e, long most) {
  const Settings& settings = e.spec.settings;
  if (const std::string held_out = settings.effective("data.held_out"); !held_out.empty())
    notes["data.held_out = " + held_out +
          ": not trained on; a run that init.from names may have been trained on it"]
        .push_back(name);
  if (const std::string evaluated = settings.effective("data.evaluated");
      !evaluated.empty() && most > 0)
    notes[fmt::format("data.evaluated = {}: the first {} answers of a task may be to other sources "
                      "than those of a run that evaluates more tasks; compare them with "
                      "--answers 0",
                      evaluated, most)]
        .push_back(name);
}

}  // namespace

Arguments score_arguments() {
  Arguments arguments(
      "score RUN...",
      "Prints for each task of the data set tasks the loss per counted target, the share of "
      "answers that are exactly the target, and the chrF of the answers; then their means and "
      "standard deviations over the seeds of each arm. The loss is over the sequences of an "
      "evaluation. The "
      "model generates an answer token by token and always takes the most likely token. RUN is the "
      "folder of a run or of an experiment.");
  arguments.value("answers", "64", "answers per task; 0: one to each sequence of an evaluation")
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("answers-out", "",
             "also writes the answers, a row each: FILE.csv, .json, .txt, .md, .html or .tex",
             Offer::file())
      .value("by", "run",
             "rows: one per run, or per arm with mean and standard deviation over its seeds; text "
             "on stdout has both, if an arm has two seeds",
             Offer::one_of({"run", "arm"}))
      .flag("dropless", "experts take any number of rows: no capacity of evaluation")
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors");
  add_table_output(arguments);
  return arguments;
}

int score_command(const Words& words) {
  Arguments arguments = score_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("score which run?");
  const TableOutput output(arguments);
  const std::string by = arguments.text("by");
  const long most = arguments.integer("answers", 0, 1l << 24);
  const int threads = chosen_threads(arguments.integer("threads", 0, kMostThreads));
  const Rules rules = arguments.has("dropless") ? Rules::dropless : Rules::own;
  const std::string written = arguments.text("answers-out");
  const TableFormat format = answers_format(arguments, output.out);
  ScoreNotes notes;
  Table table = score_table(), each = answers_table();
  std::vector<ScoredRun> runs;
  for (const std::string& folder : begun_runs(arguments.rest())) {
    LoadedRun loaded = load_run({folder, arguments.text("checkpoint")}, DataOf::run, threads,
                                [&](const Experiment& e) { require_pairs(folder, e); });
    Experiment& e = loaded.e;
    const SlowNotice notice("answering with " + folder);
    const Evaluator& evaluator = e.trainer->evaluator();
    const auto evaluation = evaluator.run(
        loaded.info.step, [] { return false; }, rules);
    const std::vector<Answer> answers =
        greedy_answers(*e.model, evaluator, *tokenizer_of(e), *e.backend, most, rules);
    runs.push_back({folder, table.rows.size(), table.rows.size()});
    add_scores(table, name_of_folder(folder), *e.data, *evaluation, answers);
    runs.back().end = table.rows.size();
    if (!written.empty()) add_answers(each, name_of_folder(folder), *e.data, answers);
    add_notes(notes, name_of_folder(folder), e, most);
  }
  for (const auto& [text, names] : notes)
    table.notes.push_back(
        fmt::format("{}: {}", names.size() == 1 ? names[0] : counted(names.size(), "run"), text));
  if (!written.empty()) write_output(written, render(each, format), "--answers-out");
  Table arms = scores_by_arm(table, runs);
  if (by == "arm") {
    if (arms.rows.empty())
      fail(Exit::data, "--by arm: no run is complete and has a run.h5 that can be read");
    arms.notes.insert(arms.notes.end(), table.notes.begin(), table.notes.end());
    output.write(arms);
    return 0;
  }
  output.write(table);
  if (!arguments.given("by") && output.format == TableFormat::text && output.out.empty() &&
      has_deviations(arms)) {
    std::cout << '\n';
    output.write(arms);
  }
  return 0;
}

}  // namespace moesim
