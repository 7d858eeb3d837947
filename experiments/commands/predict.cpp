// moesim predict: writes the logits of a checkpoint on validation data, for other programs.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

constexpr double kMostBytes = 4.0 * (1 << 30);

struct Predictions {
  index sequences = 0;
  std::vector<std::int32_t> ids, targets;  // [N, S]; targets are [N] for labels
  std::vector<float> features;             // [N, S, F]
  std::vector<real> logits;                // [N, S, V], or [N, C]
  double loss = 0;                         // mean over targets >= 0
};

Predictions predict(Experiment& e, index batches) {
  Predictions all;
  double sum = 0, count = 0;
  const Evaluator& evaluator = e.trainer->evaluator();
  for (index i = 0; i < batches; ++i) {
    const Batch batch = evaluator.posed(i);
    const Example example = e.task->prepare(batch, *e.backend);
    Context context = evaluator.context(i);
    std::vector<Loss> losses;
    const Tensor logits = e.model->forward(example.input, context, losses);
    double of_batch = 0;  // summed in the order of Evaluator, so that the losses are equal
    for (const real loss : cross_entropy_rows(logits, example.targets).to_host())
      of_batch += static_cast<double>(loss);
    sum += of_batch;
    count += static_cast<double>(count_targets(batch));
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(all.logits, logits.to_host());
    append(all.ids, batch.ids);
    append(all.features, batch.features);
    append(all.targets, batch.targets);
    all.sequences += batch.batch;
  }
  all.loss = sum / count;
  return all;
}

template <class Number>
void add(TensorFile& file, const std::string& name, const std::string& type,
         std::vector<std::int64_t> shape, const std::vector<Number>& values) {
  if (values.empty()) return;
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  file.tensors.push_back({name, type, std::move(shape), {bytes, values.size() * sizeof(Number)}});
}

TensorFile file_of(const Predictions& all, const ModelShape& shape, const CheckpointInfo& info) {
  const index N = all.sequences, S = shape.length;
  TensorFile file;
  file.metadata = {{"step", std::to_string(info.step)},
                   {"config_sha256", info.config_sha256},
                   {"data_sha256", info.data_sha256}};
  add(file, "ids", "I32", {N, S}, all.ids);
  add(file, "features", "F32", {N, S, shape.features}, all.features);
  if (shape.pooled) {
    add(file, "targets", "I32", {N}, all.targets);
    add(file, "logits", number_name(), {N, shape.outputs}, all.logits);
  } else {
    add(file, "targets", "I32", {N, S}, all.targets);
    add(file, "logits", number_name(), {N, S, shape.outputs}, all.logits);
  }
  return file;
}

void require_room(const ModelShape& shape, index sequences) {
  const double bytes = static_cast<double>(sequences) *
                       static_cast<double>(shape.pooled ? 1 : shape.length) *
                       static_cast<double>(shape.outputs) * sizeof(real);
  if (bytes > kMostBytes)
    fail(Exit::usage, fmt::format("command line: the logits of {} sequences take {:.1f} GB, more "
                                  "than the limit of 4.3; choose fewer --batches",
                                  sequences, bytes / 1e9));
}

}  // namespace

Arguments predict_arguments() {
  Arguments arguments(
      "predict RUN --out FILE",
      "Writes the logits of a run's model on validation sequences to a safetensors file: ids [N, "
      "S] "
      "(of data with features: features [N, S, F]), targets [N, S], -1 where nothing is predicted, "
      "and logits [N, S, V]; of classes targets [N] and logits [N, C]. The sequences are those of "
      "an evaluation, in its batches of eval.batch: routers that look across a batch see the same. "
      "Other implementations of a router or of the model can be compared with it.");
  arguments.value("out", "", "the file", Offer::file())
      .value("batches", "0", "number of evaluation batches; 0: all")
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("json", "print one JSON document");
  return arguments;
}

int predict_command(const Words& words) {
  Arguments arguments = predict_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("predict with which run?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: one run at a time; " + arguments.rest()[1] + " is another");
  const std::string out = arguments.text("out");
  if (out.empty()) fail(Exit::usage, "command line: no --out FILE; name the file for the logits");
  const long wanted = arguments.integer("batches", 0, 1l << 40);
  const std::string folder =
      std::filesystem::path(arguments.rest().front()).lexically_normal().string();

  LoadedRun loaded = load_run({folder, arguments.text("checkpoint")}, DataOf::run,
                              chosen_threads(arguments.integer("threads", 0, kMostThreads)), {});
  Experiment& e = loaded.e;
  const ModelShape& shape = e.task->shape();
  const Evaluator& evaluator = e.trainer->evaluator();
  const index batches = wanted == 0 ? evaluator.batches() : std::min(wanted, evaluator.batches());
  require_room(shape, batches * evaluator.batch());
  const Predictions all = predict(e, batches);
  std::string header;
  const TensorFile file = file_of(all, shape, loaded.info);
  write_output(out, [&](const auto& take) {
    for (const std::string_view piece : safetensors_pieces(file, header)) take(piece);
  });
  if (arguments.has("json")) {
    const nlohmann::ordered_json document = {{"run", folder},
                                             {"router", e.model->config().router},
                                             {"step", loaded.info.step},
                                             {"sequences", all.sequences},
                                             {"loss", all.loss},
                                             {"out", out}};
    std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
  } else {
    std::cout << fmt::format("{}: step {}, loss {:.4f} over {}\n", out, loaded.info.step, all.loss,
                             counted(all.sequences, "sequence"));
  }
  return 0;
}

}  // namespace moesim
