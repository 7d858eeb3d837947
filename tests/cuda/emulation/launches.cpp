// What a training step asks of the device: moesim_tests_cuda_emulated_f32 "[.launches]" prints a
// table. A model of four layers and eight experts as in experiments/bench.ini, of narrow ones: the
// numbers depend on the kinds of parts and hardly on their sizes.
#include "sim/moe/router.hpp"
#include "tests/cuda/support.hpp"
#include "tests/train/support.hpp"

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
                                           "eval.every",    "0",
                                           "eval.batches",  "1",
                                           "router.name",   router};
  const emulation::Counts before = emulation::counts();
  Training training(values, backend);
  training.trainer->run({});
  const emulation::Counts after = emulation::counts();
  return {after.kernels - before.kernels, after.products - before.products,
          after.copies - before.copies, after.sets - before.sets, after.waits - before.waits,
          after.graphs - before.graphs};
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
