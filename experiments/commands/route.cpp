// moesim route: lists which experts a checkpoint sends the tokens of a text to.
#include "analysis/render/table.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/route_texts.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/core/error.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"
#include "sim/record/image.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/trace_recorder.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <tuple>

namespace moesim {
namespace {

// Runs the passes that are traced.
class TracedPasses {
 public:
  TracedPasses(Experiment& e, index step, bool training)
      : e_(e), step_(step), training_(training), monitor_(*e.model) {}

  // Pieces of `length` tokens, each a sequence of its own pass.
  void text(const std::vector<std::int32_t>& ids) {
    const auto length = static_cast<std::size_t>(e_.task->shape().length);
    for (std::size_t first = 0; first < ids.size(); first += length) {
      const auto from = ids.begin() + static_cast<std::ptrdiff_t>(first);
      const auto size = static_cast<std::ptrdiff_t>(std::min(length, ids.size() - first));
      Example example;
      example.input.batch = 1, example.input.length = size;
      example.input.ids = Indices::of({from, from + size}, *e_.backend);
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
  StepTrace take() { return monitor_.take(); }

 private:
  void run(const Example& example, Context context) {
    context.training = training_;
    monitor_.attach(context, example);
    std::vector<Loss> losses;
    e_.model->forward(example.input, context, losses);
  }

  Experiment& e_;
  index step_;
  bool training_;
  TraceMonitor monitor_;
};

index most_experts_of(const StepTrace& trace) {
  index most = 0;
  for (const LayerTrace& layer : trace.layers) most = std::max(most, layer.experts);
  return most;
}

RunFile file_of(const StepTrace& trace, const std::string& folder, LoadedRun& loaded) {
  Experiment& e = loaded.e;
  RunFile file;
  file.attribute("moesim_schema", kRunFileSchema);
  file.attribute("run_id", e.identity.folder);
  file.attribute("arm", e.spec.label);
  file.attribute("router", e.model->config().router);
  file.attribute("seed", static_cast<std::int64_t>(e.run.seed));
  file.attribute("config", without_root(read_file(folder + "/config.ini")));
  file.attribute("config_sha256", loaded.info.config_sha256);
  file.attribute("data_sha256", loaded.info.data_sha256);
  e.recorder->describe_settings(e.spec.settings);
  const RunFile& described = e.recorder->file();
  for (const std::string& name : described.attribute_order())
    if (is_setting_name(name)) file.attribute(name, described.attributes().at(name));
  for (const char* name : {"layer", "expert", "domain"})
    if (const Variable* labels = described.find(name)) file.put(*labels);
  TraceWriter writer({.layers = static_cast<index>(trace.layers.size()),
                      .experts = most_experts_of(trace),
                      .tokens = trace.tokens,
                      .ids = !trace.ids.empty(),
                      .domains = !trace.domains.empty()});
  writer.declare(file);
  writer.append(file, loaded.info.step, trace);
  put_vocabulary(file, *e.data, trace.ids);
  return file;
}

Table table_of(const StepTrace& trace, const Experiment& e) {
  using Kind = Column::Kind;
  Table table;
  table.name = "route";
  table.columns = {{"sequence", "sequence", Kind::count}, {"position", "position", Kind::count},
                   {"token_id", "token id", Kind::count}, {"token", "token", Kind::text},
                   {"layer", "layer", Kind::count},       {"expert", "expert", Kind::count},
                   {"choice", "choice", Kind::count},     {"gate", "gate", Kind::number, 6},
                   {"served", "served", Kind::count},     {"order", "order", Kind::count}};
  struct Line {
    index token, layer, order;
    TraceRow row;
  };
  std::vector<Line> lines;
  for (std::size_t i = 0; i < trace.layers.size(); ++i) {
    index order = 0;
    const std::vector<TraceRow>& rows = trace.layers[i].rows;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      order = r > 0 && rows[r].expert == rows[r - 1].expert ? order + 1 : 0;
      lines.push_back({rows[r].token, e.model->moe_blocks()[i], order, rows[r]});
    }
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tuple(a.token, a.layer, a.row.choice) < std::tuple(b.token, b.layer, b.row.choice);
  });
  const auto number = [](auto value) { return Cell(static_cast<double>(value)); };
  table.rows.reserve(lines.size());
  for (const Line& line : lines) {
    Cell id, text;
    if (!trace.ids.empty()) {
      const std::int32_t token = trace.ids[static_cast<std::size_t>(line.token)];
      id = number(token);
      text = text_of_token(*e.data, token);
    }
    table.rows.push_back({number(line.token / trace.length), number(line.token % trace.length), id,
                          text, number(line.layer), number(line.row.expert),
                          number(line.row.choice), number(line.row.gate),
                          number(line.row.served ? 1 : 0), number(line.order)});
  }
  return table;
}

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

bool ends_in(const std::string& path, const char* ending) {
  return std::filesystem::path(path).extension() == ending;
}

}  // namespace

Arguments route_arguments() {
  Arguments arguments(
      "route RUN --text TEXT|--split SPLIT --out FILE",
      "Writes which experts a checkpoint of a run sends every token to: per MoE layer, expert, "
      "gate, served or dropped, and the order of service. FILE.h5 has the variables trace_* of a "
      "run file, FILE.csv one row per assignment. TEXT is cut into sequences of data.length "
      "tokens, each a batch of its own; if the data are not text, tokens are numbers. Capacity is "
      "that of evaluation.");
  arguments.value("text", "", "the text")
      .value("split", "",
             "validation: batches of an evaluation; train: batches of the training steps after the "
             "checkpoint",
             {{"validation", "train"}})
      .value("batches", "1", "number of batches of the split; 0: all (validation)")
      .value("as", "evaluation",
             "evaluation, or training: with its capacity, noise and random numbers",
             {{"evaluation", "training"}})
      .value("out", "", "the file", Offer::file())
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("json", "print one JSON document");
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
  if (text.empty() == split.empty())
    fail(Exit::usage, "command line: give either --text or --split");
  if (!split.empty() && split != "validation" && split != "train")
    fail(Exit::usage, "command line: --split " + split + ": choose validation or train");
  if (as != "evaluation" && as != "training")
    fail(Exit::usage, "command line: --as " + as + ": choose evaluation or training");
  const long wanted = arguments.integer("batches", split == "train" ? 1 : 0, 1l << 30);
  const std::string folder =
      std::filesystem::path(arguments.rest().front()).lexically_normal().string();

  LoadedRun loaded = load_run(folder, arguments.text("checkpoint"),
                              split.empty() ? DataOf::checkpoint : DataOf::run,
                              chosen_threads(arguments.integer("threads", 0, kMostThreads)), {});
  Experiment& e = loaded.e;
  TracedPasses passes(e, loaded.info.step, as == "training");
  const index all = e.trainer->evaluator().batches();
  if (split.empty())
    passes.text(ids_of(e, text));
  else if (split == "train")
    passes.train(wanted);
  else
    passes.validation(wanted == 0 ? all : std::min<index>(wanted, all));
  const StepTrace trace = passes.take();
  if (ends_in(out, ".h5"))
    file_of(trace, folder, loaded).publish(out);
  else
    write_output(out, render(table_of(trace, e), TableFormat::csv));
  std::size_t rows = 0, served = 0;
  for (const LayerTrace& layer : trace.layers) {
    rows += layer.rows.size();
    served += static_cast<std::size_t>(std::count_if(
        layer.rows.begin(), layer.rows.end(), [](const TraceRow& row) { return row.served; }));
  }
  if (arguments.has("json")) {
    const nlohmann::ordered_json document = {{"run", folder},
                                             {"router", e.model->config().router},
                                             {"step", loaded.info.step},
                                             {"tokens", trace.tokens},
                                             {"assignments", rows},
                                             {"dropped", rows - served},
                                             {"out", out}};
    std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
  } else {
    std::cout << fmt::format("{}: step {}, {} tokens, {} assignments in {} layers, {} dropped\n",
                             out, loaded.info.step, trace.tokens, rows, trace.layers.size(),
                             rows - served);
  }
  return 0;
}

}  // namespace moesim
