// Tests adapters on trained models: they start as the dense model, and alone are trained.
#include "sim/train/adapter.hpp"

#include "sim/train/output_change.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

namespace moesim::testing {
namespace {

constexpr double kSame = sizeof(real) == sizeof(double) ? 1e-12 : 1e-5;

// A trained dense run in a folder.
struct Dense {
  explicit Dense(const Values& more = {})
      : run(with({"run.steps", "3", "router.name", "dense", "eval.every", "0", "expert.hidden",
                  "32", "model.layers", "2", "expert.name", "swiglu"},
                 more),
            folder / "") {
    run.finish();
    run.checkpointer.write("");
  }
  TemporaryFolder folder;
  Kept run;
};

// Settings of adapters on it; all gates of a token sum to 1, and none is dropped.
Values on(const Dense& dense, const Values& more) {
  return with({"run.steps",
               "3",
               "router.name",
               "token_choice",
               "router.token_choice.normalise",
               "sum",
               "router.token_choice.allow_constant_gate",
               "true",
               "router.token_choice.capacity_factor",
               "0",
               "router.token_choice.capacity_factor_eval",
               "0",
               "model.layers",
               "2",
               "expert.hidden",
               "32",
               "expert.name",
               "lora",
               "init.from",
               dense.folder / "",
               "init.method",
               "adapter"},
              more);
}

double change(Dense& dense, Training& adapters) {
  adapters.trainer->take_start();
  return output_change(*dense.run.model, dense.run.backend, *adapters.model, adapters.backend,
                       *adapters.task, adapters.trainer->evaluator())
      .logit;
}

TEST_CASE("adapter: begins as the dense model", "[train][start]") {
  Dense dense;
  for (const char* k : {"1", "2", "4"}) {
    CAPTURE(k);
    Training adapters(on(dense, {"router.token_choice.k", k}), 1);
    CHECK(change(dense, adapters) < kSame);
  }
  Training partly(on(dense, {"router.token_choice.k", "2", "expert.lora.adapt_up", "false"}), 1);
  CHECK(change(dense, partly) < kSame);
  // Gates of a softmax over all experts sum to less than 1.
  Training scaled(
      on(dense, {"router.token_choice.k", "1", "router.token_choice.normalise", "none"}), 1);
  CHECK(change(dense, scaled) > 1e-3);
}

TEST_CASE("adapter: the dense model stays as it is", "[train][start][freeze]") {
  Dense dense;
  Training adapters(on(dense, {"router.token_choice.k", "2", "freeze.parameters", "* !*.moe.*"}),
                    1);
  adapters.trainer->take_start();
  const auto values = [&] {
    std::map<std::string, std::vector<real>> all;
    for (const NamedTensor& t : adapters.trainer->weights()) all[t.name] = t.value.to_host();
    return all;
  };
  const auto before = values();
  adapters.run();
  int moved = 0;
  for (const auto& [name, now] : values()) {
    CAPTURE(name);
    const bool adapter = name.find(".moe.") != std::string::npos && !name.ends_with("_base");
    if (!adapter) CHECK(now == before.at(name));
    if (adapter && now != before.at(name)) ++moved;
  }
  CHECK(moved == 2 * (6 + 1));  // in two layers: A and B of three matrices, and the router
}

TEST_CASE("adapter: what cannot be adapted is refused", "[train][start]") {
  Dense dense, other({"expert.name", "mlp"}), narrow({"expert.hidden", "16"});
  const auto refuses = [](const Values& values, const char* why) {
    Training adapters(values, 1);
    CHECK_THROWS_WITH(adapters.trainer->take_start(), contains(why));
  };
  refuses(on(dense, {"expert.name", "mlp"}), "choose expert.name = lora");
  refuses(on(other, {}), "no network with a matrix w3");
  refuses(on(narrow, {}), "init.from has (1, 16, 16)");
  // No network is drawn and then frozen.
  refuses(on(dense, {"moe.shared", "1"}), "it has no tensor blocks.0.moe.shared.");
  refuses(on(dense, {"moe.every", "2"}), "feed_forward.name");
  CHECK_THROWS_WITH(Training(on(dense, {"init.missing", "draw"}), 1), contains("nothing else"));
}

}  // namespace
}  // namespace moesim::testing
