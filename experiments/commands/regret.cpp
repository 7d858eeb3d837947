// moesim regret: says how much lower the loss of tokens would be with other experts.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/regret_table.hpp"
#include "experiments/commands/table_output.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/runs.hpp"
#include "experiments/terminal/slow_notice.hpp"
#include "sim/core/error.hpp"
#include "sim/train/loading.hpp"

namespace moesim {
namespace {

constexpr long kMostTokens = 1l << 24;

constexpr Named<RegretBy> kRegretBys[] = {
    {"layer", RegretBy::layer}, {"domain", RegretBy::domain}, {"frequency", RegretBy::frequency}};

}  // namespace

Arguments regret_arguments() {
  Arguments arguments(
      "regret RUN...",
      "Evaluates sampled tokens of the validation split with every other choice of experts, or "
      "every pair if a token has two, in one MoE layer at a time, with all else fixed. Prints the "
      "loss of the token's own prediction with the router's experts, with the best ones, with "
      "random ones (the mean over all), and with the router's second choice, and the regret: loss "
      "- loss of the best. RUN is the folder of a run or of an experiment; runs whose routers send "
      "no whole tokens to experts are left out. Intervals are over sequences.");
  arguments
      .value("tokens", "512", "tokens to sample from an evaluation, the same for every run; 0: all")
      .value("by", "layer", "rows of the table; frequency: ranks of token ids in the training data",
             Offer::one_of(all_names<RegretBy>(kRegretBys)))
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors");
  add_table_output(arguments);
  return arguments;
}

int regret_command(const Words& words) {
  Arguments arguments = regret_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("regret of which run?");
  const TableOutput output(arguments);
  RegretTable table(arguments.chosen<RegretBy>("by", kRegretBys));
  const long tokens = arguments.integer("tokens", 0, kMostTokens);
  const int threads = chosen_threads(arguments.integer("threads", 0, kMostThreads));
  std::string reason;
  const std::vector<std::string> folders = begun_runs(arguments.rest());
  for (const std::string& folder : folders) {
    try {
      LoadedRun loaded = load_run({folder, arguments.text("checkpoint")}, DataOf::run, threads, {});
      Experiment& e = loaded.e;
      const SlowNotice notice("evaluating every choice of experts of " + folder);
      const RegretSample sample =
          measure_regret(*e.model, e.trainer->evaluator(), *e.task, *e.backend, tokens);
      table.add(e.identity.folder, sample, e.model->moe_blocks(), e.data->info());
    } catch (const NoCounterfactual& none) {
      reason = folder + ": " + none.what();
      table.leave_out("left out: " + reason);
    } catch (const Error& problem) {
      if (folders.size() == 1 || problem.code() != Exit::data) throw;
      reason = problem.what();
      table.leave_out("left out: " + reason);
    }
  }
  if (table.empty())
    fail(Exit::usage, reason.empty() ? "none of the sampled tokens has one or two experts; raise "
                                       "--tokens, or take another run"
                                     : reason);
  output.write(table.table());
  return 0;
}

}  // namespace moesim
