// moesim route: lists which experts a checkpoint sends the tokens of a text to.
#include "analysis/render/table.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/route_output.hpp"
#include "experiments/commands/task_names.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/loss.hpp"
#include "sim/record/image.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/weight_writer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

// Runs the passes that are traced.
class TracedPasses {
 public:
  TracedPasses(Experiment& e, index step, bool training)
      : e_(e),
        step_(step),
        training_(training),
        monitor_(*e.model),
        weights_(*e.model, kMostWeightBytes) {}

  // Pieces of `length` tokens, each a sequence of its own pass. task: its number; empty: not known.
  void text(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& task) {
    const auto length = static_cast<std::size_t>(e_.task->shape().length);
    for (std::size_t first = 0; first < ids.size(); first += length) {
      const auto from = ids.begin() + static_cast<std::ptrdiff_t>(first);
      const auto size = static_cast<std::ptrdiff_t>(std::min(length, ids.size() - first));
      Example example;
      example.input.batch = 1, example.input.length = size;
      example.input.ids = Indices::of({from, from + size}, *e_.backend);
      if (!task.empty()) {
        example.domains.assign(static_cast<std::size_t>(size), task.front());
        example.input.domains = Indices::of(example.domains, *e_.backend);
      }
      if (e_.task->shape().causal && !e_.task->shape().pooled) {
        std::vector<std::int32_t> next(from + 1, from + size);
        const std::size_t last = first + static_cast<std::size_t>(size);
        next.push_back(last < ids.size() ? ids[last] : -1);
        example.targets = Indices::of(next, *e_.backend);
      }
      const Evaluator& evaluator = e_.trainer->evaluator();
      run(example, evaluator.context(static_cast<index>(first / length)));
    }
  }
  // Batches of an evaluation.
  void validation(index batches) {
    const Evaluator& evaluator = e_.trainer->evaluator();
    for (index i = 0; i < batches; ++i)
      run(e_.task->prepare(evaluator.posed(i), *e_.backend), evaluator.context(i));
  }
  // The batches of the training steps after the checkpoint.
  void train(index batches) {
    const index parts = e_.trainer->accumulate();
    for (index i = 0; i < batches; ++i) {
      const StepBatch batch(*e_.data, *e_.task, *e_.backend, e_.run.seed,
                            {.sequences = e_.trainer->batch(), .parts = parts},
                            {.step = step_ + i});
      const auto micro_batch = [&](index part) {
        MicroBatch one = batch.micro_batch(part);
        one.context.training = training_;
        return one;
      };
      if (training_) {
        e_.model->begin_step(*e_.backend);
        count_whole_step(*e_.model, parts, micro_batch);
      }
      for (index part = 0; part < parts; ++part) {
        const MicroBatch one = micro_batch(part);
        run(one.example, one.context);
      }
    }
  }
  StepTrace take() {
    StepTrace trace = monitor_.take();
    if (static_cast<index>(losses_.size()) == trace.tokens) trace.losses = std::move(losses_);
    return trace;
  }
  const RoutedWeights& weights() const { return weights_.weights(); }

 private:
  void run(const Example& example, Context context) {
    context.training = training_;
    monitor_.attach(context, example);
    weights_.attach(context, example);
    std::vector<Loss> losses;
    const Tensor logits = e_.model->forward(example.input, context, losses);
    if (!example.targets || example.targets.size() != example.input.batch * example.input.length)
      return;
    const std::vector<std::int32_t> targets = example.targets.to_host();
    const std::vector<real> rows = cross_entropy_rows(logits, example.targets).to_host();
    for (std::size_t i = 0; i < rows.size(); ++i)
      losses_.push_back(targets[i] < 0 ? kMissing : static_cast<double>(rows[i]));
  }

  Experiment& e_;
  index step_;
  bool training_;
  TraceMonitor monitor_;
  WeightMonitor weights_;
  std::vector<double> losses_;  // of all tokens; shorter if the task has none for each
};

std::vector<std::int32_t> ids_of(const Experiment& e, const std::string& text) {
  if (e.task->shape().vocabulary == 0)
    fail(Exit::usage, "command line: --text: the run's data have no tokens; take --split");
  std::vector<std::int32_t> ids;
  try {
    ids = e.data->encode(text);
  } catch (const Error& error) {
    fail(Exit::usage, std::string("command line: --text: ") + error.what());
  }
  if (ids.empty()) fail(Exit::usage, "command line: --text: at least one token");
  return ids;
}

// Refuses passes whose assignments do not fit into memory.
void require_room(const Experiment& e, index batches, index sequences) {
  constexpr double kMostTraceBytes = 4.0 * (1 << 30);
  double rows = 0;  // of a token
  for (std::size_t i = 0; i < e.model->moe_blocks().size(); ++i)
    rows += e.model->moe_layer(i).router().traits().cost.rows_per_token;
  const double of_batch = static_cast<double>(sequences * e.task->shape().length) *
                          (rows * sizeof(TraceRow) + 2 * sizeof(std::int32_t) + sizeof(double));
  if (of_batch * static_cast<double>(batches) <= kMostTraceBytes) return;
  fail(Exit::usage, fmt::format("command line: --batches {}: their assignments take {:.1f} GB of "
                                "memory; at most {} batches take 4 GB",
                                batches, of_batch * static_cast<double>(batches) / 1e9,
                                static_cast<index>(kMostTraceBytes / of_batch)));
}

// True if a token's experts depend on other sequences of its batch.
bool sees_others(const Transformer& model) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    if (model.moe_layer(i).router().traits().sees.other_sequences) return true;
  return false;
}

bool ends_in(const std::string& path, const char* ending) {
  return std::filesystem::path(path).extension() == ending;
}

}  // namespace

Arguments route_arguments() {
  Arguments arguments(
      "route RUN --text TEXT|--split SPLIT --out FILE",
      "Writes which experts a checkpoint of a run sends every token to: per MoE layer, expert, "
      "gate, served or dropped, and the order of service. FILE.h5 has the variables trace_* of a "
      "run file, and the weights of Soft MoE, Lory and SMEAR; FILE.csv one row per assignment. "
      "TEXT is cut into sequences of data.length "
      "tokens, each a batch of its own; if the data are not text, tokens are numbers. Capacity is "
      "that of evaluation.");
  arguments.value("text", "", "the text itself; of a file: \"$(cat FILE)\"")
      .value("split", "",
             "validation: batches of an evaluation; train: batches of the training steps after the "
             "checkpoint",
             Offer::one_of({"validation", "train"}))
      .value("batches", "1", "number of batches of the split; 0: all (validation)")
      .value("as", "evaluation", "training: with its capacity, noise and random numbers",
             Offer::one_of({"evaluation", "training"}))
      .value("out", "", "the file", Offer::file())
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("json", "print one JSON document");
  add_task_argument(arguments);
  return arguments;
}

int route_command(const Words& words) {
  Arguments arguments = route_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("route with which run?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: one run at a time; " + arguments.rest()[1] + " is another");
  const std::string out = arguments.text("out"), text = arguments.text("text"),
                    split = arguments.text("split"), as = arguments.text("as");
  if (!ends_in(out, ".h5") && !ends_in(out, ".csv"))
    fail(Exit::usage, "command line: --out: name a file that ends in .h5 or .csv");
  if (ends_in(out, ".h5")) require_file(out);
  if (arguments.given("text") && text.empty()) fail(Exit::usage, "command line: --text is empty");
  if (text.empty() == split.empty())
    fail(Exit::usage, "command line: give either --text or --split");
  if (!split.empty() && arguments.given("task"))
    fail(Exit::usage, "command line: --task is of --text; sequences of --split have their tasks");
  const long wanted = arguments.integer("batches", split == "train" ? 1 : 0, 1l << 30);
  const std::string folder =
      std::filesystem::path(arguments.rest().front()).lexically_normal().string();

  LoadedRun loaded = load_run({folder, arguments.text("checkpoint")},
                              split.empty() ? DataOf::checkpoint : DataOf::run,
                              chosen_threads(arguments.integer("threads", 0, kMostThreads)), {});
  Experiment& e = loaded.e;
  TracedPasses passes(e, loaded.info.step, as == "training");
  const index all = e.trainer->evaluator().batches();
  const index batches = split == "train" || (wanted > 0 && wanted < all) ? wanted : all;
  if (!split.empty())
    require_room(e, batches,
                 split == "train" ? e.trainer->batch() : e.trainer->evaluator().batch());
  if (split.empty() && sees_others(*e.model))
    std::cerr
        << "moesim: note: this router also looks at other sequences of a batch, and a sequence "
           "of --text is alone in its own: its experts are not those of training; --split has "
           "whole batches\n";
  if (split.empty())
    passes.text(ids_of(e, text), task_of_text(arguments, e));
  else if (split == "train")
    passes.train(batches);
  else
    passes.validation(batches);
  const StepTrace trace = passes.take();
  if (ends_in(out, ".h5")) {
    route_file(trace, passes.weights(), folder, loaded).publish(out);
  } else {
    require_assignments(trace, passes.weights(), e.model->config().router, out);
    write_output(out, render(route_table(trace, e), TableFormat::csv));
  }
  if (const std::string missing = missing_weights(passes.weights()); !missing.empty())
    std::cerr << "moesim: note: " << missing << '\n';
  const RouteCounts counts = counts_of(trace, passes.weights());
  if (arguments.has("json")) {
    const nlohmann::ordered_json document = {
        {"run", folder},          {"router", e.model->config().router}, {"step", loaded.info.step},
        {"tokens", trace.tokens}, {"assignments", counts.assignments},  {"dropped", counts.dropped},
        {"maps", counts.maps},    {"merged_experts", counts.merged},    {"out", out}};
    std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
  } else {
    std::cout << fmt::format("{}: step {}, {}, {}\n", out, loaded.info.step,
                             counted(trace.tokens, "token"), text_of(counts));
  }
  return 0;
}

}  // namespace moesim
