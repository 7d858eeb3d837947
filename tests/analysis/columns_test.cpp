#include "sim/core/error.hpp"
#include "tests/analysis/outcomes.hpp"

namespace moesim::testing {
namespace {

using Type = Variable::Type;
using Texts = std::vector<std::string>;

// Six steps of 10 tokens and 1 to 6 seconds, evaluated after 0, 2, 4 and 6 of them.
RunFile evaluated(const std::string& arm, std::int64_t seed, const std::vector<double>& losses) {
  RunFile run;
  run.attribute("status", std::string("complete"));
  run.attribute("router", arm);
  run.attribute("seed", seed);
  run.attribute("flops_per_token", 100.0);
  run.attribute("expert_hidden", std::int64_t{64});
  run.put(variable("step", Type::int64, {"step"}, {6}, {0, 1, 2, 3, 4, 5}));
  run.put(variable("tokens", Type::int64, {"step"}, {6}, {10, 20, 30, 40, 50, 60}));
  run.put(variable("seconds", Type::float64, {"step"}, {6}, {1, 2, 3, 4, 5, 6}));
  run.put(variable("grad_norm", Type::float64, {"step"}, {6}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}));
  run.put(variable("eval_step", Type::int64, {"eval"}, {4}, {0, 2, 4, 6}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {4}, losses));
  run.put(variable("expert", Type::int32, {"expert"}, {2}, {0, 1}));
  run.put(variable("layer", Type::int32, {"layer"}, {2}, {0, 1}));
  run.put(variable("eval_max_violation", Type::float64, {"eval", "layer"}, {4, 2},
                   {0, 0, 0.1, 0.3, 0.2, 0.4, 0.3, 0.5}));
  run.put(variable("eval_router_entropy", Type::float64, {"eval", "layer"}, {4, 2},
                   {0, 0, 0, 0, 0, 0, 0.5 * std::log(2), std::log(2)}));
  run.put(variable("eval_load", Type::float64, {"eval", "layer", "expert"}, {4, 2, 2},
                   {9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 5}));
  run.put(variable("record_step", Type::int64, {"record"}, {3}, {0, 2, 4}));
  run.put(variable("dropped", Type::float64, {"record", "layer"}, {3, 2}, {1, 3, 5, 7, 9, 11}));
  return run;
}

const Texts kQuantities{"eval_load", "dropped", "grad_norm", "expert_hidden", "nonsense"};

Outcome outcome_at(const At& evaluation, const std::vector<double>& losses = {4, 3, 2, 2.5}) {
  return at(outcome_of({"run.h5", evaluated("dense", 0, losses)}, kQuantities), evaluation);
}

std::string error_of(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  try {
    routers_table(outcomes, options);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("columns: the evaluation is the last, the best or one by its step", "[analysis]") {
  CHECK(outcome_at({}).loss == 2.5);
  CHECK(outcome_at({At::Kind::best}).loss == 2);
  CHECK(outcome_at({At::Kind::best}).step == 4);
  CHECK(outcome_at({At::Kind::step, 2}).loss == 3);
  CHECK(std::isnan(outcome_at({At::Kind::step, 3}).loss));
  CHECK(outcome_at({At::Kind::best}, {std::nan(""), 3, 3, 5}).step == 2);  // the first of equals
  CHECK_THAT(outcome_at({}).max_violation, WithinAbs(0.4, 1e-12));
  CHECK_THAT(outcome_at({}).entropy, WithinAbs(0.75, 1e-12));
  CHECK_THAT(outcome_at({At::Kind::best}).max_violation, WithinAbs(0.3, 1e-12));
  CHECK(at_of("best").kind == At::Kind::best);
  CHECK(at_of("300").step == 300);
  for (const char* wrong : {"", "first", "-1", "3.5", "1e3", "99999999999999999999", "7 "})
    CHECK_THROWS_AS(at_of(wrong), Error);
  const std::vector<Outcome> outcomes{outcome_of({"run.h5", evaluated("dense", 0, {4, 3, 2, 1})})};
  CHECK(error_of(outcomes, {.at = {At::Kind::step, 3}}) ==
        "--at 3: no run was evaluated after so many steps");
  CHECK(std::get<Sample>(cell(routers_table(outcomes, {.at = {At::Kind::step, 4}}), 0, "eval_loss"))
            .mean == 2);
}

TEST_CASE("columns: any recorded quantity, at the evaluation", "[analysis]") {
  const Outcome last = outcome_at({}), first = outcome_at({At::Kind::step, 0}),
                second = outcome_at({At::Kind::step, 2});
  CHECK(last.quantity("eval_load") == 2);        // of 1 1 1 5
  CHECK(second.quantity("eval_load") == 2.5);    // of 1 2 3 4
  CHECK(last.quantity("dropped") == 10);         // record of step 4
  CHECK(second.quantity("dropped") == 2);        // of step 0: step 2 was not trained yet
  CHECK(std::isnan(first.quantity("dropped")));  // nothing was recorded before
  CHECK(last.quantity("grad_norm") == 0.6);
  CHECK(second.quantity("grad_norm") == 0.2);
  CHECK(last.quantity("expert_hidden") == 64);
  CHECK(std::isnan(last.quantity("nonsense")));

  const std::vector<Outcome> outcomes{last};
  const Table table =
      routers_table(outcomes, {.columns = {"grad_norm", "arm", "expert_hidden", "eval_load"}});
  REQUIRE(table.columns.size() == 4);
  CHECK(table.columns[0].key == "grad_norm");
  CHECK(table.columns[0].decimals == 4);
  CHECK(table.columns[2].decimals == 2);  // 64.00: four digits
  CHECK(std::get<Sample>(table.rows[0][0]).mean == 0.6);
  CHECK(error_of(outcomes, {.columns = {"arm", "grad_nrom"}}) ==
        "no column or recorded quantity is named 'grad_nrom': did you mean grad_norm?");
  CHECK(
      error_of(outcomes, {.columns = {"parameters_totl"}}) ==
      "no column or recorded quantity is named 'parameters_totl': did you mean parameters_total?");
  CHECK(error_of(outcomes, {.columns = {"\x1b[31m/a/b"}}) ==
        "no column or recorded quantity is named '?[31m/a/b'; analysis/FORMAT.md has the names of "
        "quantities");
}

TEST_CASE("columns: quantities are read from files", "[analysis]") {
  const TemporaryFolder folder;
  evaluated("dense", 0, {4, 3, 2, 2.5}).publish(folder / "1.h5");
  const Table table = routers_table(Request{.paths = {folder / "1.h5"}},
                                    {.columns = {"arm", "eval_load", "dropped", "expert_hidden"}});
  CHECK(std::get<Sample>(table.rows[0][1]).mean == 2);
  CHECK(std::get<Sample>(table.rows[0][2]).mean == 10);
  CHECK(std::get<Sample>(table.rows[0][3]).mean == 64);
  CHECK_THROWS_AS(routers_table(Request{.paths = {folder / "1.h5"}}, {.columns = {"bogus"}}),
                  Error);
}

TEST_CASE("columns: what it took to reach a loss", "[analysis]") {
  std::vector<Outcome> outcomes;
  for (const std::int64_t seed : {0, 1})
    outcomes.push_back(outcome_of({"run.h5", evaluated("dense", seed, {4, 3, 2.5, 2})}));
  outcomes.push_back(outcome_of({"run.h5", evaluated("hash", 0, {4, 2, 1.5, 1})}));
  outcomes.push_back(outcome_of({"run.h5", evaluated("hash", 1, {4, 3.5, 3, 2.8})}));
  outcomes.push_back(outcome_of({"run.h5", evaluated("slow", 0, {4, 4, 4, 4})}));
  // 3 is reached after 2 steps by dense; after 1 and 4 by hash.
  const Table table = routers_table(outcomes, {.target = "3"});
  CHECK(number(table, 0, "steps_to_target") == 2);
  CHECK(number(table, 0, "tokens_to_target") == 20);
  CHECK(number(table, 0, "flops_to_target") == 2000);
  CHECK(number(table, 0, "seconds_to_target") == 3);  // 1 + 2
  CHECK(number(table, 1, "steps_to_target") == 2.5);
  CHECK(number(table, 1, "tokens_to_target") == 25);     // 10 and 40
  CHECK(number(table, 1, "seconds_to_target") == 5.75);  // (0 + 3) / 2 and 1 + 2 + 3 + 4
  CHECK(number(table, 1, "speedup_steps") == 0.8);
  CHECK(std::get<std::string>(cell(table, 0, "target_reached")) == "2/2");
  CHECK(std::get<std::string>(cell(table, 2, "target_reached")) == "not reached");
  CHECK(std::isnan(number(table, 2, "steps_to_target")));
  CHECK(has_note(table,
                 "loss 3.0000 is not reached by every seed, and means are over those that reach "
                 "it: slow 0 of 1"));
  const Table half = routers_table(outcomes, {.target = "2"});
  CHECK(std::get<std::string>(cell(half, 1, "target_reached")) == "1/2");
  CHECK(number(half, 1, "steps_to_target") == 2);
  // The baseline's own loss, 2, is what it is about by itself.
  CHECK(number(routers_table(outcomes, {}), 1, "seconds_to_target") == 3);
  CHECK(number(routers_table(outcomes, {.target = "baseline"}), 0, "steps_to_target") == 6);
  CHECK(error_of(outcomes, {.target = "low"}) ==
        "--target low: expected a loss, such as 1.85, or baseline");
  CHECK(error_of({outcomes[2]}, {.target = "baseline"}) ==
        "--target baseline: there is no baseline; name one by --baseline ARM");
}

TEST_CASE("columns: options of the router, and seeds that stayed stable", "[analysis]") {
  std::vector<Outcome> outcomes = two_arms();
  for (Outcome& run : outcomes) {
    run.settings = {{"router.hash.k", "2"},
                    {"router.hash.capacity_factor", "1.25"},
                    {"router.dense.k", "many"},
                    {"run.name", run.arm}};
    run.has_config = true;
  }
  Outcome lost = outcomes.back();
  lost.seed = 9;
  lost.status = "diverged";
  outcomes.push_back(lost);
  const Table table = comparison(outcomes, "");
  CHECK(std::get<std::string>(cell(table, 0, "arm")) == "dense");
  CHECK(std::holds_alternative<std::monostate>(cell(table, 0, "k")));
  CHECK(number(table, 1, "k") == 2);
  CHECK(number(table, 1, "capacity_factor") == 1.25);
  CHECK(std::holds_alternative<std::monostate>(cell(table, 0, "stable_seeds")));
  CHECK(std::get<std::string>(cell(table, 1, "stable_seeds")) == "3/4");
}

}  // namespace moesim::testing
