// Counts the launches, copies and waits of a training step: moesim_tests_cuda_emulated_f32
// "[.launches]" prints a table. The model has four layers and eight experts as in
// experiments/bench.ini but is narrow: the counts depend on the kinds of its parts and hardly on
// their sizes.
#include "sim/moe/router.hpp"
#include "tests/cuda/support.hpp"
#include "tests/train/support.hpp"

#include <fmt/format.h>

#include "cuda_runtime.h"
#include <tuple>

namespace moesim::testing {
namespace {

constexpr int kStep = 6;  // the first is measured, the next three are called

struct Asked {
  emulation::Counts counts;
  std::size_t peak;
};

Asked train(const std::string& router, const char* graphs, const char* layers, const char* length,
            int steps) {
  const std::vector<std::string> values = {"run.steps",     std::to_string(steps),
                                           "data.symbols",  "32",
                                           "data.length",   length,
                                           "model.layers",  layers,
                                           "model.width",   "32",
                                           "model.bias",    "true",
                                           "moe.experts",   "8",
                                           "train.batch",   "8",
                                           "expert.hidden", "64",
                                           "record.every",  "100",
                                           "eval.every",    "0",
                                           "eval.batches",  "1",
                                           "router.name",   router,
                                           "run.graphs",    graphs};
  const std::unique_ptr<Backend> backend = make_backend("cuda:0", 0);
  const emulation::Counts before = emulation::counts();
  Training training(values, *backend);
  training.run();
  const emulation::Counts after = emulation::counts();
  return {{after.kernels - before.kernels, after.products - before.products,
           after.copies - before.copies, after.sets - before.sets, after.waits - before.waits,
           after.graphs - before.graphs},
          backend->peak()};
}

// Counts the calls of the last step, and the peak memory.
Asked step(const std::string& router, const char* graphs, const char* layers, const char* length,
           int last) {
  const Asked before = train(router, graphs, layers, length, last - 1),
              all = train(router, graphs, layers, length, last);
  const emulation::Counts &b = before.counts, &a = all.counts;
  return {{a.kernels - b.kernels, a.products - b.products, a.copies - b.copies, a.sets - b.sets,
           a.waits - b.waits, a.graphs - b.graphs},
          all.peak};
}

TEST_CASE("cuda: launches of a training step", "[.launches]") {
  arrange(1);
  fmt::print("{:18}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "router", "graphs", "kernels",
             "cuBLAS", "copies", "sets", "waits", "launched", "peak MB");
  for (const std::string& router : Registry<Router>::names())
    for (const char* graphs : {"off", "auto"}) {
      const auto [n, peak] = step(router, graphs, "4", "32", kStep);
      fmt::print("{:18}{:>8}{:9}{:9}{:9}{:9}{:9}{:9}{:9.2f}\n", router, graphs, n.kernels,
                 n.products, n.copies, n.sets, n.waits, n.graphs, double(peak) / 1e6);
    }
}

TEST_CASE("cuda: a replayed step is a tenth of the launches", "[cuda][replay]") {
  if (!card_that_replays("launches of a replayed step") ||
      left_to_other_type("launches of a replayed step", false))
    return;
  arrange(1);
  for (const char* router : {"dense", "soft", "mixture_of_tokens", "lory"}) {
    CAPTURE(router);
    const emulation::Counts asked = step(router, "off", "1", "8", kStep).counts,
                            replayed = step(router, "auto", "1", "8", kStep).counts;
    CHECK(asked.graphs == 0);
    CHECK(replayed.graphs == 1);
    CHECK(10 * (replayed.kernels + replayed.products) < asked.kernels + asked.products);
  }
}

// Device memory: the peak of a training without graphs, plus a margin.
TEST_CASE("cuda: without memory for a graph there is none", "[cuda][replay]") {
  if (!card_that_replays("without memory for a graph there is none") ||
      left_to_other_type("without memory for a graph there is none", false))
    return;
  arrange(1);
  const auto run = [](const char* graphs, std::size_t memory) {
    const std::unique_ptr<Backend> backend = make_backend("cuda:0", 0);
    const std::size_t others = emulation::used_memory() - backend->held();
    const struct Little {
      explicit Little(std::size_t bytes) { emulation::set_memory(bytes); }
      ~Little() { emulation::set_memory(std::size_t{1} << 30); }
    } little(others + memory);
    Training training({"run.steps", "8", "train.batch", "2", "data.length", "8", "router.name",
                       "dense", "record.every", "4", "run.graphs", graphs},
                      *backend);
    training.run();
    return std::tuple(training.fingerprint(), backend->held(), training.trainer->passes().replay());
  };
  const auto [fingerprint, held, off] = run("off", std::size_t{1} << 30);
  CHECK(off == "run.graphs = off");
  int replayed = 0, given_up = 0;
  for (std::size_t more = 0; more < 600000; more += 20000) {
    CAPTURE(more);
    const auto [same, anything, replay] = run("auto", held + more);
    CHECK(same == fingerprint);
    replayed += replay == "replayed" ? 1 : 0;
    given_up += replay != "replayed" ? 1 : 0;
    if (replay == "replayed") break;
  }
  CHECK(replayed == 1);
  CHECK(given_up > 0);
}

}  // namespace
}  // namespace moesim::testing
