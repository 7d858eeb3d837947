// What a training step asks of the device: moesim_tests_cuda_emulated_f32 "[.launches]" prints a
// table. A model of four layers and eight experts as in experiments/bench.ini, of narrow ones: the
// numbers depend on the kinds of parts and hardly on their sizes.
#include "sim/data/datasets.hpp"
#include "sim/moe/router.hpp"
#include "sim/train/trainer.hpp"
#include "tests/cuda/support.hpp"

#include <fmt/format.h>

#include "cuda_runtime.h"

namespace moesim::testing {
namespace {

emulation::Counts train(Backend& backend, const std::string& router, int steps) {
  const std::vector<std::string> values = {"run.steps",     std::to_string(steps),
                                           "data.symbols",  "32",
                                           "data.length",   "32",
                                           "model.layers",  "4",
                                           "model.width",   "32",
                                           "model.bias",    "true",
                                           "moe.experts",   "8",
                                           "train.batch",   "8",
                                           "expert.hidden", "64",
                                           "eval.batches",  "1",
                                           "router.name",   router};
  Settings settings;
  for (std::size_t i = 0; i < values.size(); i += 2)
    settings.set(values[i], values[i + 1], "launches");
  Options data_options(settings, "data"), task_options(settings, "task");
  const std::unique_ptr<Dataset> data = make_dataset(data_options);
  const std::unique_ptr<Task> task = make_task(task_options, data->info());
  const ModelShape shape = task->shape();
  Site site;
  site.batch = Trainer::micro_batch(settings), site.length = shape.length;
  site.causal = shape.causal, site.vocabulary = shape.vocabulary;
  site.unigram = data->info().unigram;
  if (!site.unigram.empty()) site.unigram.resize(static_cast<std::size_t>(shape.vocabulary));
  Transformer model(shape, site, settings);
  Trainer trainer(settings, *data, *task, model, backend, 0);
  const emulation::Counts before = emulation::counts();
  trainer.start();
  trainer.run({});
  const emulation::Counts after = emulation::counts();
  return {after.kernels - before.kernels, after.products - before.products,
          after.copies - before.copies, after.sets - before.sets, after.waits - before.waits};
}

TEST_CASE("cuda: launches of a training step", "[.launches]") {
  Backend* cuda = card("launches of a training step");
  if (!cuda) return;
  arrange(1);
  fmt::print("{:18}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "router", "kernels", "cuBLAS", "copies", "sets",
             "waits");
  for (const std::string& router : Registry<Router>::names()) {
    const emulation::Counts two = train(*cuda, router, 2), three = train(*cuda, router, 3);
    fmt::print("{:18}{:9}{:9}{:9}{:9}{:9}\n", router, three.kernels - two.kernels,
               three.products - two.products, three.copies - two.copies, three.sets - two.sets,
               three.waits - two.waits);
  }
}

}  // namespace
}  // namespace moesim::testing
