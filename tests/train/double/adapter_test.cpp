// Tests adapters on trained models: they start as the dense model, and alone are trained.
#include "sim/train/adapter.hpp"

#include "sim/moe/router.hpp"
#include "sim/train/output_change.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

namespace moesim::testing {
namespace {

constexpr double kSameLogit = 1e-12;

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
    CHECK(change(dense, adapters) < kSameLogit);
  }
  Training partly(on(dense, {"router.token_choice.k", "2", "expert.lora.adapt_up", "false"}), 1);
  CHECK(change(dense, partly) < kSameLogit);
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

// A trained run, and one with adapters on it.
struct OnMatrices {
  OnMatrices(const Values& settings, const Values& more)
      : base(with({"model.layers", "2", "run.steps", "3", "eval.every", "0"}, settings),
             folder / "") {
    base.finish();
    base.checkpointer.write("");
    own.emplace(with(with({"model.layers", "2", "run.steps", "3", "train.rate", "0.01", "init.from",
                           folder / "", "init.method", "adapter"},
                          settings),
                     more),
                1);
    own->trainer->take_start();
  }
  double change() {
    return output_change(*base.model, base.backend, *own->model, own->backend, *own->task,
                         own->trainer->evaluator())
        .logit;
  }
  TemporaryFolder folder;
  Kept base;
  std::optional<Training> own;
};

const char* const kKinds[] = {"lora", "molora", "loramoe", "mov"};

std::map<std::string, std::vector<real>> values_of(const Training& training) {
  std::map<std::string, std::vector<real>> all;
  for (const NamedTensor& t : training.trainer->weights()) all[t.name] = t.value.to_host();
  return all;
}

TEST_CASE("adapter: matrices with adapters begin as they were, bit by bit", "[train][start]") {
  for (const char* kind : kKinds) {
    CAPTURE(kind);
    for (const char* expert : {"mlp", "swiglu", "geglu", "affine"})
      CHECK(OnMatrices({"router.name", "dense", "expert.name", expert}, {"adapter.kind", kind})
                .change() == 0);
    CHECK(OnMatrices({"router.name", "token_choice", "router.token_choice.k", "2", "moe.every", "2",
                      "moe.shared", "1"},
                     {"adapter.kind", kind})
              .change() == 0);
    CHECK(OnMatrices({"router.name", "dense", "expert.activation", "relu", "expert.name", "mlp"},
                     {"adapter.kind", kind})
              .change() == 0);
  }
}

TEST_CASE("adapter: matrices stay as they were, and adapters alone have moments",
          "[train][start][freeze]") {
  for (const char* kind : kKinds) {
    CAPTURE(kind);
    OnMatrices with_adapters(
        {"router.name", "token_choice", "router.token_choice.k", "2", "moe.every", "2"},
        {"adapter.kind", kind});
    Training& own = *with_adapters.own;
    const auto before = values_of(own);
    own.run();
    for (const auto& [name, now] : values_of(own)) {
      CAPTURE(name);
      const bool adapter = name.starts_with("adapters.");
      CHECK((now != before.at(name)) == adapter);
    }
    index trained = 0;
    for (const auto& [name, shape] : own.trainer->shapes_of_state()) {
      CHECK(name.find(".adapters.") != std::string::npos);
      trained += shape.size();
    }
    index adapters = 0;
    for (const Parameter& p : own.model->adapters()->parameters()) adapters += p.value.size();
    CHECK(trained == 2 * adapters);  // two moments
    CHECK(with_adapters.change() > 0);
  }
}

TEST_CASE("adapter: patterns choose the matrices", "[train][start]") {
  const auto count_of = [](const char* targets) {
    const Training training({"model.layers", "2", "moe.every", "2", "router.name", "token_choice",
                             "adapter.kind", "lora", "adapter.targets", targets},
                            1);
    return training.model->adapters()->all().size();
  };
  CHECK(count_of("*") == 8);  // qkv and output, and two of networks or experts, in two layers
  CHECK(count_of("*.attention.*") == 4);
  CHECK(count_of("*.experts.* *.feed_forward.*") == 4);
  CHECK(count_of("* !*.moe.*") == 6);
  CHECK(count_of("*.w1") == 2);
  CHECK_THROWS_WITH(count_of("*.atention.*"), contains("attention"));
  CHECK_THROWS_WITH(count_of("* !*"), contains("chooses no matrix"));
}

TEST_CASE("adapter: [freeze] can train more than adapters", "[train][freeze]") {
  const Values lora = {"router.name", "dense", "adapter.kind", "lora"};
  const auto trained = [&](const Values& more) {
    const Training training(with(lora, more), 1);
    std::set<std::string> names;
    for (const Parameter& p : training.trainer->parameters())
      if (!p.frozen) names.insert(p.name);
    return names;
  };
  for (const std::string& name : trained({})) CHECK(name.starts_with("adapters."));
  const std::set<std::string> more =
      trained({"freeze.parameters", "* !adapters.* !*norm_attention*"});
  CHECK(more.contains("blocks.0.norm_attention.gain"));
  CHECK(more.contains("adapters.blocks.0.attention.qkv.weight.a"));
  CHECK(!more.contains("blocks.0.attention.qkv.weight"));
}

TEST_CASE("adapter: experts of every router that assigns tokens have them", "[train]") {
  int tried = 0;
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    std::optional<Training> own;
    try {
      own.emplace(Values{"model.layers", "1", "router.name", router, "adapter.kind", "lora",
                         "adapter.targets", "*.moe.experts.*"},
                  1);
    } catch (const Error& error) {
      // Experts of its own, whole blocks, merged experts or mixed tokens.
      const std::string said = error.what();
      const bool refused = said.find("no parameter matches") != std::string::npos ||
                           said.find("adapters need tokens") != std::string::npos ||
                           said.find("moe.at") != std::string::npos;
      CHECK(refused);
      continue;
    }
    ++tried;
    const double before = own->trainer->evaluate(0).loss;
    for (const Parameter& p : own->model->adapters()->parameters())
      if (p.name.ends_with(".b"))
        p.value.from_host(std::vector<real>(static_cast<std::size_t>(p.value.size()), real(1)));
    CHECK(own->trainer->evaluate(0).loss != before);
  }
  CHECK(tried > 12);
}

TEST_CASE("adapter: what [adapter] cannot do is refused", "[train][start]") {
  const auto refusal = [](const Values& values) {
    try {
      const Training training(values, 1);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const Values lora = {"adapter.kind", "lora"};
  CHECK_THAT(refusal(with(lora, {"router.name", "lory"})), contains("add !blocks.0.moe.experts.*"));
  CHECK_THAT(refusal(with(lora, {"router.name", "soft"})), contains("adapters need tokens"));
  CHECK_THAT(refusal(with(lora, {"adapter.experts", "2"})), contains("lora has one"));
  CHECK(refusal(with(lora, {"router.name", "lory", "adapter.targets", "* !*.moe.*"})).empty());
  CHECK_THAT(refusal({"adapter.kind", "mov", "adapter.dropout", "0.1"}), contains("set 0"));
  // A run without adapters would lose those of its source.
  TemporaryFolder folder;
  Kept kept({"router.name", "dense", "run.steps", "2", "adapter.kind", "lora"}, folder / "");
  kept.finish();
  kept.checkpointer.write("");
  for (const Values& more : {Values{}, Values{"adapter.kind", "lora", "init.method", "adapter"}}) {
    Training next(with({"router.name", "dense", "init.from", folder / ""}, more), 1);
    CHECK_THROWS_WITH(next.trainer->take_start(), contains("fold"));
  }
  Training again({"router.name", "dense", "init.from", folder / "", "adapter.kind", "lora"}, 1);
  again.trainer->take_start();  // the same adapters
  CHECK(values_of(again) == values_of(kept));
}

}  // namespace
}  // namespace moesim::testing
