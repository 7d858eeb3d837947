// Tests training on the device against training on the CPU, with every router.
#include "sim/moe/router.hpp"
#include "tests/cuda/support.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

struct Run {
  std::vector<double> losses;
  std::vector<std::pair<std::string, std::vector<real>>> parameters;
  bool operator==(const Run&) const = default;
};

Run train_sgd(Backend& backend, const std::vector<std::string>& values) {
  std::vector<std::string> all = {"run.steps",       "3",   "train.batch", "4", "eval.every", "3",
                                  "train.optimiser", "sgd", "model.heads", "2"};
  all.insert(all.end(), values.begin(), values.end());
  Training training(all, backend);
  training.run();
  Run run;
  for (const char* name : {"loss", "grad_norm", "eval_loss"}) {
    const Variable* variable = training.recorder->file().find(name);
    REQUIRE(variable != nullptr);
    run.losses.insert(run.losses.end(), variable->values.begin(), variable->values.end());
  }
  for (const Parameter& p : training.model->parameters())
    run.parameters.emplace_back(p.name, p.value.to_host());
  return run;
}

double distance(const std::vector<real>& a, const std::vector<real>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst,
                     std::abs(double(a[i]) - double(b[i])) / std::max(1.0, std::abs(double(b[i]))));
  return worst;
}

// Under the emulation in so many orders of threads, up to two: kernels have cases of their own in all
// three.
void compare_to_cpu(Backend& cuda, const std::vector<std::string>& settings, int orders = 2) {
  CpuBackend cpu(1);
  const Run want = train_sgd(cpu, settings);
  Run first;
  for (int i = 0; i < repetitions(); ++i) {
    if (emulated() && (i == 1 || (i > 1 && orders < 2))) continue;
    arrange(i);
    const Run got = train_sgd(cuda, settings);
    if (i > 0) {
      CHECK(got == first);  // to the bit
      continue;
    }
    first = got;
    REQUIRE(got.losses.size() == want.losses.size());
    for (std::size_t j = 0; j < want.losses.size(); ++j) {
      CAPTURE(j);
      CHECK(std::abs(got.losses[j] - want.losses[j]) <=
            (kDouble ? 1e-9 : 1e-3) * std::max(1.0, std::abs(want.losses[j])));
    }
    REQUIRE(got.parameters.size() == want.parameters.size());
    for (std::size_t j = 0; j < want.parameters.size(); ++j) {
      CAPTURE(want.parameters[j].first);
      CHECK(distance(got.parameters[j].second, want.parameters[j].second) <=
            (kDouble ? 1e-9 : 1e-3));
    }
  }
}

TEST_CASE("cuda: training with dropout is training on the CPU", "[cuda][slow]") {
  Backend* cuda = card("training with dropout is training on the CPU");
  if (!cuda || left_to_other_type("training with dropout is training on the CPU", true)) return;
  std::vector<std::string> routers = Registry<Router>::names();
  if (emulated()) routers = {"dense", "token_choice", "expert_choice", "soft", "lory"};
  for (const std::string& router : routers) {
    CAPTURE(router);
    compare_to_cpu(*cuda, {"router.name", router, "model.dropout", "0.1"});
  }
}

TEST_CASE("cuda: training with every variant of every router is training on the CPU",
          "[cuda][slow]") {
  Backend* cuda = card("training with every variant of every router is training on the CPU");
  if (!cuda || left_to_other_type("training with every variant of every router", true)) return;
  for (const std::string& router : Registry<Router>::names()) {
    const std::vector<Variant> variants = variants_to_run(router);
    for (const Variant& variant : variants) {
      CAPTURE(router, variant.name);
      std::vector<std::string> settings = settings_of(router, variant);
      // Layers that see each other's state, and two orders: in the router's first variant; the emulation
      // is slow.
      const bool first = &variant == &variants.front();
      if (emulated() && !first) settings.insert(settings.end(), {"model.layers", "1"});
      compare_to_cpu(*cuda, settings, first ? 2 : 1);
    }
  }
}

// Experts that fill the card one by one: the host waits for where their rows begin.
TEST_CASE("cuda: training with large experts is training on the CPU", "[cuda][slow]") {
  Backend* cuda = card("training with large experts is training on the CPU");
  if (!cuda || left_to_other_type("training with large experts is training on the CPU", true))
    return;
  const bool small = emulated();  // and of few multiprocessors
  compare_to_cpu(*cuda, {"router.name",
                         "token_choice",
                         "router.token_choice.k",
                         "2",
                         "router.token_choice.capacity_factor",
                         "0.75",
                         "router.token_choice.dropped",
                         "input",
                         "data.length",
                         small ? "128" : "256",
                         "model.width",
                         small ? "132" : "1028",
                         "model.heads",
                         "4",
                         "moe.experts",
                         "2",
                         "expert.hidden",
                         small ? "132" : "1156",
                         "model.layers",
                         "1"});
}

TEST_CASE("cuda: training with every expert, and with AdamW", "[cuda][slow]") {
  Backend* cuda = card("training with every expert, and with AdamW");
  if (!cuda || left_to_other_type("training with every expert, and with AdamW", true)) return;
  for (const std::string& expert : Registry<Expert>::names()) {
    CAPTURE(expert);
    compare_to_cpu(*cuda, {"router.name", "token_choice", "router.token_choice.k", "2",
                           "expert.name", expert});
  }
  // An epsilon far above rounding, which AdamW would else blow up where a gradient is nearly 0.
  compare_to_cpu(
      *cuda, {"router.name", "token_choice", "train.optimiser", "adamw", "train.epsilon", "0.01"});
}

TEST_CASE("cuda: training with shared heads, norms of queries and keys, and the z-loss",
          "[cuda][slow]") {
  Backend* cuda = card("training with shared heads, norms of queries and keys, and the z-loss");
  if (!cuda || left_to_other_type(
                   "training with shared heads, norms of queries and keys, and the z-loss", true))
    return;
  for (const char* norm : {"none", "head", "all"}) {
    CAPTURE(norm);
    compare_to_cpu(*cuda, {"router.name", "token_choice", "model.heads", "4", "model.kv_heads", "2",
                           "model.head_width", "6", "model.positions", "rotary", "model.qk_norm",
                           norm, "train.z_weight", "0.01"});
  }
}

}  // namespace
}  // namespace moesim::testing
