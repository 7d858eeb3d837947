// Tests that eval.also evaluates as runs with other rules of capacity and mixing do.
#include "sim/core/error.hpp"
#include "sim/train/evaluator.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <map>
#include <set>

namespace moesim::testing {
namespace {

// Before a training step, over three batches of which the last is smaller.
Evaluation evaluated_also(const Values& values) {
  Training training(with({"eval.batch", "3", "eval.sequences", "8"}, values), 1);
  return training.trainer->evaluate(0);
}

TEST_CASE("eval.also: the losses are those of runs with these rules, to the bit",
          "[train][eval][also]") {
  struct Case {
    Values run;
    Values dropless, training;  // the same rules as settings of evaluation
  };
  const std::string t = "router.token_choice.", h = "router.hierarchical.";
  const std::vector<Case> cases = {
      {{"router.name", "token_choice", t + "capacity_factor", "0.5", t + "capacity_factor_eval",
        "1"},
       {t + "capacity_factor_eval", "0"},
       {t + "capacity_factor_eval", "0.5"}},
      {{"router.name", "token_choice", t + "k", "2", t + "capacity", "3", t + "group", "batch"},
       {t + "capacity", "0", t + "capacity_factor", "0", t + "capacity_factor_eval", "0"},
       {}},
      {{"router.name", "token_choice", t + "k", "2", t + "capacity_factor", "0", t + "second",
        "none", t + "second_eval", "all"},
       {t + "capacity_factor_eval", "0"},
       {t + "second_eval", "none", t + "capacity_factor_eval", "0"}},
      {{"router.name", "hierarchical", h + "outer.capacity_factor", "0.5",
        h + "inner.capacity_factor_eval", "0.5", h + "outer.capacity_factor_eval", "0.7"},
       {h + "outer.capacity_factor_eval", "0", h + "inner.capacity_factor_eval", "0"},
       {h + "outer.capacity_factor_eval", "0.5", h + "inner.capacity_factor_eval", "1.25"}},
      {{"router.name", "mixture_of_tokens", "router.mixture_of_tokens.evaluation", "argmax"},
       {},
       {"router.mixture_of_tokens.evaluation", "mixed"}},
      {{"router.name", "lory", "router.lory.prompt", "4", "router.lory.segment", "4"},
       {},
       {"router.lory.prompt", "0"}}};
  for (const Case& one : cases) {
    CAPTURE(one.run);
    const Evaluation plain = evaluated_also(one.run);
    const Evaluation both = evaluated_also(with(one.run, {"eval.also", "training, dropless"}));
    REQUIRE(both.loss_also.size() == 2);
    CHECK(plain.loss_also.empty());
    CHECK(both.loss == plain.loss);
    CHECK(both.layers[0].dropped == plain.layers[0].dropped);
    CHECK(both.loss_also[0] == evaluated_also(with(one.run, one.training)).loss);
    CHECK(both.loss_also[1] == evaluated_also(with(one.run, one.dropless)).loss);
    if (!one.training.empty()) CHECK(both.loss_also[0] != both.loss);
    if (!one.dropless.empty() && one.run[3] != "2") CHECK(both.loss_also[1] != both.loss);
  }
}

TEST_CASE("eval.also: routers balanced in training only; the others have one loss",
          "[train][eval][also]") {
  // Those that route otherwise in training with their defaults, noise apart.
  const std::set<std::string> other = {"base", "sinkhorn", "token_rounding"};
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    const Evaluation e = evaluated_also({"router.name", router, "eval.also", "dropless training"});
    const Evaluation plain = evaluated_also({"router.name", router});
    CHECK(e.loss == plain.loss);
    REQUIRE(e.loss_also.size() == 2);
    if (other.contains(router)) {
      CHECK(e.loss_also[0] == e.loss);
      CHECK(e.loss_also[1] != e.loss);
    }
    for (const char* layer : {"base", "sinkhorn"})
      if (router == layer) CHECK(std::abs(e.loss_also[1] - e.loss) < 1);
  }
}

TEST_CASE("eval.also: a router without such rules is not evaluated again", "[train][eval][also]") {
  static int passes = 0;
  class Counting : public Router {
   public:
    explicit Counting(bool asks) : asks_(asks) { traits_.experts = 1; }
    Routing route(const Tokens& tokens) override {
      ++passes;
      if (asks_) static_cast<void>(tokens.context.dropless());
      const auto rows = static_cast<std::int32_t>(tokens.x.rows());
      return {.plan = Assignment{
                  .experts = {Indices::of({0, rows}, tokens.x.backend()), tokens.x.rows()}}};
    }

   private:
    bool asks_;
  };
  for (const bool asks : {false, true}) {
    Registry<Router>::add({"counting", "for tests", [asks](const Site&, Options&) {
                             return std::make_unique<Counting>(asks);
                           }});
    passes = 0;
    Training training({"router.name", "counting", "model.layers", "1", "eval.batch", "4",
                       "eval.sequences", "8", "eval.also", "dropless, training"},
                      1);
    const Evaluation e = training.trainer->evaluate(0);
    Registry<Router>::remove("counting");
    CHECK(passes == (asks ? 6 : 2));
    CHECK(e.loss_also == std::vector<double>{e.loss, e.loss});
  }
}

TEST_CASE("eval.also: recorded at every evaluation, and of no other effect",
          "[train][eval][also]") {
  const Values values = {"router.name", "token_choice", "router.token_choice.capacity_factor",
                         "0.5"};
  Training with_rules(with(values, {"eval.also", "dropless, training"}), 1), plain(values, 1);
  with_rules.run(), plain.run();
  const RunFile &more = with_rules.recorder->file(), &less = plain.recorder->file();
  for (const char* name : {"eval_loss_dropless", "eval_loss_training"}) {
    REQUIRE(more.find(name) != nullptr);
    CHECK(more.find(name)->values.size() == more.find("eval_loss")->values.size());
    CHECK(less.find(name) == nullptr);
  }
  for (const char* name : {"eval_loss", "loss", "eval_load"})
    CHECK(more.find(name)->values == less.find(name)->values);
  CHECK(!plain.settings.is_resolved("eval.also"));  // such runs keep their identity
  CHECK(with_rules.settings.is_resolved("eval.also"));
}

TEST_CASE("eval.also: unknown and repeated rules are rejected", "[train][eval][also]") {
  for (const auto& [value, message] : std::map<std::string, std::string>{
           {"capacity",
            "test: eval.also = capacity: unknown rules; write dropless, training, or "
            "both with a comma"},
           {"dropless, dropless",
            "test: eval.also = dropless, dropless: dropless stands there twice"}})
    try {
      evaluated_also({"eval.also", value});
      FAIL("not rejected");
    } catch (const Error& error) {
      CHECK(error.what() == message);
      CHECK(error.code() == Exit::usage);
    }
}

}  // namespace
}  // namespace moesim::testing
