// Tests runs that go on from another one: moments of its optimiser, and its position.
#include "sim/ops/ops.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

namespace moesim::testing {
namespace {

using Tensors = std::map<std::string, std::vector<real>>;
Tensors values_of(const std::vector<NamedTensor>& tensors) {
  Tensors all;
  for (const NamedTensor& t : tensors) all[t.name] = t.value.to_host();
  return all;
}

// A run of 6 steps with a checkpoint in its middle, under a cosine.
const Values kSix = {"run.steps", "6",           "router.name", "token_choice",     "eval.every",
                     "0",         "train.batch", "4",           "checkpoint.every", "3"};

struct Whole {
  explicit Whole(const Values& more = {}) : run(with(kSix, more), folder / "") { run.finish(); }
  TemporaryFolder folder;
  Kept run;
  Values from(const Values& more) const {
    return with(kSix, with({"init.from", folder / "", "init.checkpoint", "3"}, more));
  }
};

struct Begun : Training {
  explicit Begun(const Values& values) : Training(values, 1) { started = trainer->take_start(); }
  Started started;
};

TEST_CASE("init: with moments and position of another run, a run is its rest", "[train][start]") {
  for (const Values& optimiser : std::vector<Values>{{}, {"train.optimiser", "sgd"}}) {
    const Whole whole(optimiser);
    const Tensors last = values_of(whole.run.trainer->weights());
    const auto rest = [&](const Values& how) {
      Begun run(whole.from(with(optimiser, how)));
      run.run();
      return values_of(run.trainer->weights());
    };
    CHECK(rest({"init.optimiser", "copy", "init.position", "continue"}) == last);
    CHECK(rest({"init.position", "continue"}) != last);
    CHECK(rest({"init.optimiser", "copy"}) != last);
  }
}

TEST_CASE("init.position: steps, tokens and rates are those of the source", "[train][start]") {
  const Whole whole;
  Begun run(whole.from({"init.position", "continue"}));
  CHECK(run.trainer->position().step == 3);
  CHECK(run.trainer->updates() == 0);
  run.run();
  const RunFile& all = whole.run.recorder->file();
  const RunFile& own = run.recorder->file();
  for (const char* name : {"step", "tokens", "learning_rate"}) {
    const std::vector<double> straight = all.all_values(name);
    CHECK(own.all_values(name) == std::vector<double>(straight.begin() + 3, straight.end()));
  }
  CHECK(Begun(whole.from({"init.optimiser", "copy"})).trainer->updates() == 3);
}

TEST_CASE("init.optimiser: copies of a dense network have its moments", "[train][start]") {
  // Experts half as wide: expert e has the hidden units 16 (e mod 2), ...
  const Whole dense({"router.name", "dense"});
  const Begun sparse(dense.from({"init.method", "upcycle", "init.optimiser", "copy",
                                 "expert.hidden", "16", "router.token_choice.k", "2",
                                 "router.token_choice.capacity_factor", "0", "init.noise", "0.1"}));
  // The checkpoint of step 3, in a run of its own.
  const Begun source(dense.from({"router.name", "dense", "init.optimiser", "copy"}));
  const Tensors kept = values_of(source.trainer->state());
  const Tensors own = values_of(sparse.trainer->state());
  CHECK(sparse.trainer->updates() == 3);
  for (const std::string kind : {"adamw.first.", "adamw.second."}) {
    const std::string name = kind + "blocks.0.moe.experts.";
    const std::vector<real>&w1 = own.at(name + "w1"), &w2 = own.at(name + "w2");
    const std::vector<real>&v1 = kept.at(name + "w1"), &v2 = kept.at(name + "w2");
    for (std::size_t e = 0; e < 4; ++e)
      for (std::size_t i = 0; i < 16; ++i)  // model.width, and units of an expert
        for (std::size_t j = 0; j < 16; ++j) {
          REQUIRE(w1[(e * 16 + i) * 16 + j] == v1[i * 32 + 16 * (e % 2) + j]);
          REQUIRE(w2[(e * 16 + i) * 16 + j] == v2[(16 * (e % 2) + i) * 16 + j]);
        }
    CHECK(own.at(kind + "embedding") == kept.at(kind + "embedding"));
    for (const auto& [tensor, values] : own)
      if (tensor.starts_with(kind) && tensor.find(".router.") != std::string::npos)
        CHECK(values == std::vector<real>(values.size(), 0));
  }
}

TEST_CASE("init: what cannot go on is refused", "[train][start]") {
  const Whole whole;
  const auto begin = [&](const Values& more) { return Begun(whole.from(more)); };
  CHECK_THROWS_WITH(begin({"init.optimiser", "copy", "train.optimiser", "sgd"}),
                    contains("has no sgd.velocity."));
  CHECK_THROWS_WITH(begin({"init.optimiser", "copy", "init.method", "student"}),
                    contains("is an option of init.method = same or upcycle"));
  CHECK_THROWS_WITH(begin({"init.position", "continue", "run.steps", "3"}),
                    contains("raise run.steps"));
  CHECK_THROWS_WITH(begin({"init.optimiser", "copy", "init.method", "upcycle", "init.drop", "0.5"}),
                    contains("have no moments"));
  for (const char* key : {"noise", "drop", "router_deviation"})
    CHECK_THROWS_WITH(begin({std::string("init.") + key, "0.5"}),
                      contains("is an option of init.method = upcycle, and init.method is same"));
  CHECK_NOTHROW(begin({"init.noise", "0"}));  // its default
  CHECK_THROWS_WITH(Training(with(kSix, {"init.optimiser", "copy"}), 1),
                    contains("needs another run"));
  const Whole frozen({"freeze.parameters", "embedding"});
  CHECK_THROWS_WITH(Begun(frozen.from({"init.optimiser", "copy"})),
                    contains("has no adamw.first.embedding"));
  CHECK_NOTHROW(begin({"init.optimiser", "copy", "freeze.parameters", "embedding"}));
  // A damaged manifest is no missing checkpoint.
  for (const index step : checkpoint_steps(whole.folder / ""))
    std::filesystem::remove(whole.folder /
                            fmt::format("checkpoint/step-{:09}/manifest.json", step));
  CHECK_THROWS_WITH(begin({}), contains("manifest.json"));
}

TEST_CASE("init.at: what cannot be is refused", "[train][start]") {
  const auto at = [&](const Values& more) {
    return Training(with(kSix, with({"init.at", "0.5"}, more)), 1);
  };
  const Values upcycle = {"init.method", "upcycle"};
  CHECK(at(upcycle).trainer->beginning().dense_steps == 3);
  CHECK(at(with(upcycle, {"init.at", "0.4"})).trainer->beginning().dense_steps == 2);
  CHECK_THROWS_WITH(at({}), contains("set init.method = upcycle"));
  CHECK_THROWS_WITH(at(with(upcycle, {"init.at", "0.01"})), contains("leave a step before"));
  CHECK_THROWS_WITH(at(with(upcycle, {"init.at", "1"})), contains("leave a step before"));
  CHECK_THROWS_WITH(at(with(upcycle, {"init.from", "x"})), contains("set one of the two"));
  CHECK_THROWS_WITH(at(with(upcycle, {"init.checkpoint", "3"})), contains("leave it out"));
}

}  // namespace
}  // namespace moesim::testing
