// Tests the columns of the routers table: evaluations, recorded quantities, targets, drops.
#include "analysis/tables/router_columns.hpp"
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
        "--at 3: no run was evaluated after that many steps");
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
  const std::string unknown = "no column or recorded quantity is named ";
  const auto says = [&](const std::string& column, const std::string& error) {
    CHECK(error_of(outcomes, {.columns = {"arm", column}}).starts_with(unknown + error));
  };
  says("grad_nrom", "'grad_nrom': did you mean grad_norm? columns are arm, ");
  says("parameters_totl", "'parameters_totl': did you mean parameters_total? columns are arm, ");
  says("drops", "'drops': did you mean train_drops_percent or drops_percent? columns are arm, ");
  says("\x1b[31m/a/b", "'?[31m/a/b'; columns are arm, seeds, eval_loss, ");
  CHECK_THAT(error_of(outcomes, {.columns = {"drops"}}),
             contains(", target_reached; analysis/FORMAT.md has the names of quantities"));
  // The arm's name comes first if it is not among the columns.
  const Table unnamed = routers_table(outcomes, {.columns = {"eval_loss", "grad_norm"}});
  REQUIRE(unnamed.columns.size() == 3);
  CHECK(unnamed.columns[0].key == "arm");
  CHECK(std::get<std::string>(unnamed.rows[0][0]) == "dense");
  CHECK(unnamed.columns[2].key == "grad_norm");
  // Titles are understood, after keys and recorded quantities.
  const auto key_of = [&](const std::string& name) {
    return routers_table(outcomes, {.columns = {"arm", name}}).columns[1].key;
  };
  CHECK(key_of("eval drops %") == "drops_percent");
  CHECK(key_of("parameters") == "parameters_total");
  CHECK(key_of("loss") == "eval_loss");  // no run has the quantity loss here
  // Training loss and validation loss have titles of their own.
  CHECK(unnamed.columns[1].title == "loss");
  CHECK(quantity_column("loss").column.title == "training loss");
  CHECK(quantity_column("loss").column.key == "loss");
}

TEST_CASE("columns: parameters that are trained, if some are frozen", "[analysis]") {
  const auto with_trained = [](const std::string& arm, std::int64_t trained) {
    RunFile run = run_of(arm, 0, 2);
    run.attribute("parameters_trained", trained);
    return outcome_of({"run.h5", run});
  };
  const auto shows = [](const Table& table) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [](const Column& column) { return column.key == "parameters_trained"; });
  };
  const Outcome whole = with_trained("dense", 1234567), few = with_trained("lora", 1234);
  CHECK(!shows(comparison({whole}, "")));
  CHECK(!shows(comparison({outcome("hash", 0, 2)}, "")));  // an older file does not say
  const Table table = comparison({whole, few}, "");
  REQUIRE(shows(table));
  CHECK(number(table, 0, "parameters_trained") == 1234567);
  CHECK(number(table, 1, "parameters_trained") == 1234);
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
  const auto add = [&](const char* arm, std::int64_t seed, const std::vector<double>& losses) {
    outcomes.push_back(outcome_of({"run.h5", evaluated(arm, seed, losses)}));
  };
  add("dense", 0, {4, 3, 2.5, 2});
  add("dense", 1, {4, 3.5, 3, 2.5});
  add("hash", 0, {4, 2, 1.5, 1});
  add("hash", 1, {4, 3.5, 3, 2.8});
  add("slow", 0, {4, 4, 4, 4});
  // 3 is reached after 2 and 4 steps by dense, after 1 and 4 by hash.
  const Table table = routers_table(outcomes, {.target = "3"});
  CHECK(number(table, 0, "steps_to_target") == 3);
  CHECK(number(table, 0, "tokens_to_target") == 30);
  CHECK(number(table, 0, "flops_to_target") == 3000);
  CHECK(number(table, 0, "seconds_to_target") == 6.5);  // 1 + 2 and 1 + 2 + 3 + 4
  CHECK(number(table, 1, "steps_to_target") == 2.5);
  CHECK(number(table, 1, "tokens_to_target") == 25);     // 10 and 40
  CHECK(number(table, 1, "seconds_to_target") == 5.75);  // (0 + 3) / 2 and 1 + 2 + 3 + 4
  require_sample(cell(table, 1, "speedup_steps"), 2, 1.5, std::sqrt(0.5));    // 2 / 1 and 4 / 4
  require_sample(cell(table, 1, "speedup_seconds"), 2, 1.5, std::sqrt(0.5));  // 3 / 1.5 and 1
  CHECK(std::get<std::string>(cell(table, 0, "target_reached")) == "2/2");
  CHECK(std::get<std::string>(cell(table, 2, "target_reached")) == "not reached");
  CHECK(std::isnan(number(table, 2, "steps_to_target")));
  CHECK(has_note(table,
                 "loss 3.0000 is not reached by every seed, so its cost columns are empty: "
                 "slow 0 of 1"));
  CHECK(error_of(outcomes, {.target = "low"}) ==
        "--target low: expected a loss, such as 1.85, or baseline");
  CHECK(error_of({outcomes[2]}, {.target = "baseline"}) ==
        "--target baseline: there is no baseline; name one by --baseline ARM");

  // The seeds that reach a loss are the fast ones: they alone say nothing of their arm.
  const Table half = routers_table(outcomes, {.target = "2"});
  for (const std::size_t arm : {0, 1}) {
    CHECK(std::get<std::string>(cell(half, arm, "target_reached")) == "1/2");
    CHECK(std::isnan(number(half, arm, "steps_to_target")));
    CHECK(std::holds_alternative<std::monostate>(cell(half, arm, "speedup_steps")));
  }
  // Notes on a target are there if something of it is shown.
  CHECK(notes_with(routers_table(outcomes, {.columns = {"arm", "eval_loss"}}), "reached") == 0);
}

TEST_CASE("columns: mean curves are compared at the baseline's final loss", "[analysis]") {
  std::vector<Outcome> outcomes;
  const auto add = [&](const char* arm, std::int64_t seed, const std::vector<double>& losses) {
    outcomes.push_back(outcome_of({"run.h5", evaluated(arm, seed, losses)}));
  };
  add("dense", 0, {4, 3, 2.5, 2});
  add("dense", 1, {4, 4, 3.5, 3});  // mean 4 3.5 3 2.5
  add("hash", 0, {4, 2, 1.5, 1});
  add("hash", 1, {4, 3.5, 3, 2.8});  // mean 4 2.75 2.25 1.9
  add("slow", 0, {4, 4, 4, 4});
  for (const std::string target : {"", "baseline"}) {
    const Table table = routers_table(
        outcomes, {.target = target,
                   .columns = {"steps_to_target", "seconds_to_target", "tokens_to_target",
                               "speedup_steps", "target_reached"}});
    CHECK(number(table, 0, "steps_to_target") == 6);  // seed 1 alone never comes there
    CHECK(number(table, 0, "seconds_to_target") == 21);
    CHECK(number(table, 1, "steps_to_target") == 3);      // halfway from 2.75 to 2.25
    CHECK(number(table, 1, "seconds_to_target") == 6.5);  // from 3 to 10
    CHECK(number(table, 1, "tokens_to_target") == 30);
    CHECK(number(table, 1, "speedup_steps") == 2);
    CHECK(std::get<std::string>(cell(table, 0, "target_reached")) == "mean curve");
    CHECK(std::get<std::string>(cell(table, 2, "target_reached")) == "not reached");
    CHECK(has_note(table,
                   "loss 2.5000 is that of dense, and is reached where the mean curve over an "
                   "arm's seeds first falls to it: one crossing per arm, without a deviation; not "
                   "reached by slow"));
  }
  // Of the lowest losses of the seeds, 1.8 and 2, the mean curve only comes to 2.25.
  outcomes.clear();
  add("dense", 0, {4, 1.8, 2.5, 3});
  add("dense", 1, {4, 3, 2, 3});
  const Table best = routers_table(outcomes, {.target = "baseline", .at = {At::Kind::best}});
  CHECK(number(best, 0, "steps_to_target") == 4);
}

TEST_CASE("columns: drops of training are of the last tenth of its records", "[analysis]") {
  RunFile run = evaluated("token_choice", 0, {4, 3, 2, 1});
  // 100 steps, recorded every step: of the last tenth, 10 % of 10 and 90 are dropped.
  std::vector<double> steps, assignments, dropped;
  for (int step = 0; step < 200; ++step) {
    steps.push_back(step);
    assignments.insert(assignments.end(), {10, 90});
    dropped.insert(dropped.end(), {step < 180 ? 10.0 : 1.0, step == 199 ? 29.0 : 9.0});
  }
  run.put(variable("eval_step", Type::int64, {"eval"}, {4}, {0, 4, 100, 200}));
  run.put(variable("record_step", Type::int64, {"record"}, {200}, steps));
  run.put(variable("dropped", Type::float64, {"record", "layer"}, {200, 2}, dropped));
  run.put(variable("assignments", Type::float64, {"record", "layer"}, {200, 2}, assignments));
  const Outcome last = outcome_of({"run.h5", run});
  CHECK_THAT(last.train_drops_percent, WithinAbs(11, 1e-12));  // 19 times 10, 30
  CHECK_THAT(at(last, {At::Kind::step, 100}).train_drops_percent, WithinAbs(19, 1e-12));
  CHECK_THAT(at(last, {At::Kind::step, 4}).train_drops_percent, WithinAbs(19, 1e-12));
  CHECK(std::isnan(at(last, {At::Kind::step, 0}).train_drops_percent));  // nothing was trained
  // Of few records the last ten, but none of the first half: at steps 0, …, 0 and 90 to 109, those
  // of 100 to 109; at 105 to 109, these five alone; else the last one.
  const auto with_late = [&](std::size_t late, double last_step) {
    for (std::size_t i = 0; i < 200; ++i)
      steps[i] = i < 200 - late ? 0 : last_step - static_cast<double>(199 - i);
    run.put(variable("record_step", Type::int64, {"record"}, {200}, steps));
    return outcome_of({"run.h5", run}).train_drops_percent;
  };
  CHECK_THAT(with_late(20, 109), WithinAbs(12, 1e-12));
  CHECK_THAT(with_late(5, 109), WithinAbs(14, 1e-12));
  CHECK_THAT(with_late(20, 50), WithinAbs(30, 1e-12));
  const Table table = routers_table({last}, {});
  CHECK_THAT(number(table, 0, "train_drops_percent"), WithinAbs(11, 1e-12));
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

TEST_CASE("columns: bits per byte where tokens of arms are of different lengths", "[analysis]") {
  const auto arm = [](const std::string& name, double loss, double bytes) {
    RunFile run = evaluated(name, 0, {4, 3, 2, loss});
    if (bytes > 0) run.attribute("bytes_per_token", bytes);
    return outcome_of({"run.h5", run});
  };
  const double ln2 = std::log(2.0);
  const std::vector<Outcome> outcomes = {arm("bytes", 1.5 * ln2, 1), arm("pieces", 6 * ln2, 5),
                                         arm("unknown", 2, 0)};
  const Table table = routers_table(outcomes, {});
  CHECK(std::get<Sample>(cell(table, 0, "bits_per_byte")).mean == 1.5);
  CHECK_THAT(std::get<Sample>(cell(table, 1, "bits_per_byte")).mean, WithinAbs(1.2, 1e-12));
  CHECK(std::isnan(std::get<Sample>(cell(table, 2, "bits_per_byte")).mean));
  // Other vocabularies of tokens of one length; and of tokens of unknown length.
  const auto has_it = [](const std::vector<Outcome>& runs) {
    const Table shown = routers_table(runs, {});
    return std::any_of(shown.columns.begin(), shown.columns.end(),
                       [](const Column& column) { return column.key == "bits_per_byte"; });
  };
  std::vector<Outcome> vocabularies = {arm("a", 2, 1), arm("b", 2, 1)};
  vocabularies[0].uniform_loss = std::log(65), vocabularies[1].uniform_loss = std::log(256);
  CHECK(has_it(vocabularies));
  for (Outcome& run : vocabularies) run.bytes_per_token = std::nan("");
  CHECK_FALSE(has_it(vocabularies));
  // With equal tokens the column appears only if --columns names it.
  const std::vector<Outcome> alike = {arm("a", 1.5 * ln2, 1), arm("b", 2 * ln2, 1)};
  for (const Column& column : routers_table(alike, {}).columns)
    CHECK(column.key != "bits_per_byte");
  const Table named = routers_table(alike, {.columns = {"arm", "bits_per_byte"}});
  CHECK(std::get<Sample>(cell(named, 1, "bits_per_byte")).mean == 2);
}

}  // namespace moesim::testing
