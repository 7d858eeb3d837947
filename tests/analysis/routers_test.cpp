#include "analysis/tables/routers.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace moesim::testing {
namespace {

Table comparison(const std::vector<Outcome>& outcomes, const std::string& baseline) {
  return routers_table(outcomes, {.baseline = baseline});
}

// As a command shows it.
struct Comparison {
  std::string text;
  std::vector<std::string> unreadable;
};

Comparison compare(Request request, Format format) {
  Comparison result;
  request.on_unreadable = [&](const std::string& why) { result.unreadable.push_back(why); };
  result.text = render(routers_table(request, {}), format);
  return result;
}

using Type = Variable::Type;

RunFile run_of(const std::string& arm, std::int64_t seed, double loss,
               const std::string& status = "complete") {
  RunFile run;
  run.attribute("status", status);
  run.attribute("router", arm);
  run.attribute("seed", seed);
  run.attribute("leak", arm == "soft" ? 0.5 : 0.0);
  run.attribute("sees", arm == "soft" ? "sequence" : "past");
  run.attribute("plan_kind", "assignment");
  run.attribute("parameters_total", std::int64_t{1234567});
  run.attribute("bayes_loss", 1.5);
  run.put(variable("step", Type::int64, {"step"}, {3}, {1, 2, 3}));
  run.put(variable("tokens", Type::int64, {"step"}, {3}, {100, 200, 300}));
  run.put(variable("seconds", Type::float64, {"step"}, {3}, {2, 1, 2}));  // 50, 100, 50 a second
  run.put(variable("eval_loss", Type::float64, {"eval"}, {2}, {9, loss}));
  // The last evaluation: 10 of 100 and 30 of 100 dropped, so 20 %.
  run.put(variable("eval_assignments", Type::float64, {"eval", "layer"}, {2, 2}, {9, 9, 100, 100}));
  run.put(variable("eval_dropped", Type::float64, {"eval", "layer"}, {2, 2}, {0, 0, 10, 30}));
  run.put(variable("eval_load_cv", Type::float32, {"eval", "layer"}, {2, 2}, {7, 7, 0.25, 0.75}));
  run.put(variable("eval_dead_experts", Type::float32, {"eval", "layer"}, {2, 2}, {0, 0, 1, 2}));
  return run;
}

Outcome outcome(const std::string& arm, std::int64_t seed, double loss,
                const std::string& status = "complete") {
  return outcome_of({"run.h5", run_of(arm, seed, loss, status)});
}

// dense: mean 2.2, deviations -0.2 0 0.2: std sqrt(0.08 / 2) = 0.2
// hash:  mean 2.1, deviations -0.2 0.1 0.1: std sqrt(0.06 / 2) = 0.1732
// hash - dense by seed: -0.1 0 -0.2: mean -0.1, std sqrt(0.02 / 2) = 0.1
std::vector<Outcome> two_arms() {
  return {outcome("dense", 0, 2.0), outcome("dense", 1, 2.2), outcome("dense", 2, 2.4),
          outcome("hash", 2, 2.2),  outcome("hash", 0, 1.9),  outcome("hash", 1, 2.2)};
}

const Cell& cell(const Table& table, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (table.columns[c].key == key) return table.rows.at(row)[c];
  throw std::out_of_range(key);
}

double number(const Table& table, std::size_t row, const std::string& key) {
  return std::get<double>(cell(table, row, key));
}

void require_sample(const Cell& cell, std::size_t count, double mean, double deviation) {
  const Sample& sample = std::get<Sample>(cell);
  REQUIRE(sample.count == count);
  REQUIRE_THAT(sample.mean, WithinAbs(mean, 1e-12));
  if (std::isnan(deviation))
    REQUIRE(std::isnan(sample.deviation));
  else
    REQUIRE_THAT(sample.deviation, WithinAbs(deviation, 1e-12));
}

// The row of the one cell that stands out.
std::size_t best_row(const Table& table) {
  REQUIRE(table.bold.size() == 1);
  return table.bold.begin()->row;
}

bool has_note(const Table& table, const std::string& note) {
  return std::find(table.notes.begin(), table.notes.end(), note) != table.notes.end();
}

TEST_CASE("compare: mean, deviation and paired difference over seeds", "[analysis]") {
  const Table table = comparison(two_arms(), "");
  REQUIRE(table.rows.size() == 2);
  require_sample(cell(table, 0, "eval_loss"), 3, 2.2, 0.2);
  require_sample(cell(table, 1, "eval_loss"), 3, 2.1, std::sqrt(0.03));
  require_sample(cell(table, 1, "eval_loss_difference"), 3, -0.1, 0.1);
  require_sample(cell(table, 1, "regret"), 3, 0.6, std::sqrt(0.03));
  REQUIRE(std::holds_alternative<std::monostate>(cell(table, 0, "eval_loss_difference")));
  REQUIRE(best_row(table) == 1);
}

TEST_CASE("compare: the last evaluation describes the routing", "[analysis]") {
  const Table table = comparison({outcome("hash", 0, 2)}, "");
  REQUIRE_THAT(number(table, 0, "drops_percent"), WithinAbs(20, 1e-12));
  REQUIRE_THAT(number(table, 0, "load_cv"), WithinAbs(0.5, 1e-12));
  REQUIRE(number(table, 0, "dead_experts") == 3);
  REQUIRE(number(table, 0, "tokens_per_second") == 50);
  REQUIRE(number(table, 0, "parameters_total") == 1234567);
}

TEST_CASE("compare: what is within seed noise is said", "[analysis]") {
  // Pooled: sqrt((2 * 0.04 + 2 * 0.03) / 4) = 0.1871; the arms differ by 0.1.
  REQUIRE(has_note(comparison(two_arms(), ""),
                   "differences in loss below 0.1871 are within seed noise (one pooled standard "
                   "deviation over seeds)"));
  auto apart = two_arms();
  for (Outcome& outcome : apart)
    if (outcome.arm == "hash") outcome.loss -= 1;
  REQUIRE(comparison(apart, "").notes.empty());
}

TEST_CASE("compare: one seed has no noise estimate", "[analysis]") {
  const Table table = comparison({outcome("dense", 0, 2), outcome("hash", 0, 3)}, "");
  REQUIRE(has_note(table, "one seed: no noise estimate: dense, hash"));
  REQUIRE_THAT(render(table, Format::text), contains("2.0000 ± n/a"));
}

TEST_CASE("compare: a leaking arm is never the best", "[analysis]") {
  auto outcomes = two_arms();
  outcomes.push_back(outcome("soft", 0, 0.5));
  const Table table = comparison(outcomes, "");
  REQUIRE(best_row(table) == 1);
  REQUIRE(std::get<std::string>(cell(table, 2, "leak")) == "leaks");
  REQUIRE(std::get<std::string>(cell(table, 0, "leak")) == "none");
  REQUIRE(comparison({outcome("soft", 0, 0.5)}, "").bold.empty());
}

TEST_CASE("compare: runs that did not complete are counted and named", "[analysis]") {
  auto outcomes = two_arms();
  outcomes.push_back(outcome("hash", 3, 99, "diverged"));
  outcomes.push_back(outcome("dense", 3, 99, "running"));
  outcomes.push_back(outcome("lory", 0, 99, "diverged"));
  outcomes.push_back(outcome("hash", 4, std::nan("")));
  const Table table = comparison(outcomes, "");
  require_sample(cell(table, 0, "eval_loss"), 3, 2.2, 0.2);
  REQUIRE(number(table, 1, "diverged") == 1);
  REQUIRE(number(table, 1, "seeds") == 4);
  REQUIRE(number(table, 2, "seeds") == 0);
  REQUIRE(
      has_note(table, "diverged, not in the means: hash seed 3 (step 3), lory seed 0 (step 3)"));
  REQUIRE(has_note(table, "running, not in the means: dense seed 3 (step 3)"));
  REQUIRE(has_note(table, "complete, but without a loss of evaluation: hash seed 4 (step 3)"));
}

TEST_CASE("compare: pairs are of common seeds", "[analysis]") {
  const Table table = comparison({outcome("a", 0, 1), outcome("a", 1, 2), outcome("b", 1, 5),
                                  outcome("b", 2, 7), outcome("c", 8, 1)},
                                 "b");
  require_sample(cell(table, 0, "eval_loss_difference"), 1, -3,
                 std::numeric_limits<double>::quiet_NaN());
  REQUIRE(std::get<Sample>(cell(table, 2, "eval_loss_difference")).count == 0);
  REQUIRE(has_note(table, "seeds that b has too: a 1 of 2, c 0 of 1"));
}

TEST_CASE("compare: different experiments under one name are noticed", "[analysis]") {
  auto outcomes = two_arms();
  outcomes.push_back(outcome("hash", 0, 1.9));
  outcomes.back().parameters_total = 1;
  const Table table = comparison(outcomes, "");
  REQUIRE(has_note(table,
                   "run more than once, perhaps in different experiments: hash seed 0 (2 times)"));
  REQUIRE(has_note(table, "models of different size under one name: hash"));
}

TEST_CASE("compare: a baseline that is not there", "[analysis]") {
  try {
    comparison(two_arms(), "dens");
    FAIL("no error");
  } catch (const Error& error) {
    REQUIRE(error.code() == Exit::usage);
    REQUIRE(std::string(error.what()) ==
            "no arm is named 'dens': did you mean dense? there are dense, hash");
  }
}

TEST_CASE("compare: the baseline is the arm dense, or else the first whose router is dense",
          "[analysis]") {
  auto outcomes = two_arms();
  REQUIRE(comparison(outcomes, "").columns[4].title == "vs dense");
  for (Outcome& outcome : outcomes) outcome.arm += ", wide";
  REQUIRE(comparison(outcomes, "").columns[4].title == "vs dense, wide");
  require_sample(cell(comparison(outcomes, ""), 1, "eval_loss_difference"), 3, -0.1, 0.1);
  for (Outcome& outcome : outcomes) outcome.router = "hash";
  REQUIRE(std::holds_alternative<std::monostate>(
      cell(comparison(outcomes, ""), 1, "eval_loss_difference")));
}

TEST_CASE("compare: an arm's label comes before its router", "[analysis]") {
  RunFile file = run_of("hash", 0, 2);
  file.attribute("arm", "hash, k = 2");
  const Outcome labelled = outcome_of({"run.h5", file});
  REQUIRE(labelled.arm == "hash, k = 2");
  REQUIRE(labelled.router == "hash");
}

TEST_CASE("compare: a damaged file is left out and named", "[analysis]") {
  const TemporaryFolder folder;
  for (const char* name : {"good", "damaged"}) std::filesystem::create_directories(folder / name);
  const std::string damaged = folder / "damaged/run.h5";
  std::ofstream(damaged) << "no run file";
  REQUIRE_THROWS_AS(compare({.paths = {folder / ""}}, Format::text), Error);  // there is no other

  run_of("hash", 0, 1.5).publish(folder / "good/run.h5");
  const Comparison result = compare({.paths = {folder / ""}}, Format::text);
  REQUIRE_THAT(result.text, contains("hash") && contains("1.5000") &&
                                contains("left out, because it cannot be read: " + damaged));
  REQUIRE(result.unreadable.size() == 1);
}

TEST_CASE("compare: files to table, in every form", "[analysis]") {
  const TemporaryFolder folder;
  for (const char* arm : {"dense", "hash"})
    for (std::int64_t seed = 0; seed < 2; ++seed) {
      const std::string run = folder / (arm + std::to_string(seed));
      std::filesystem::create_directories(run);
      run_of(arm, seed, (arm[0] == 'd' ? 2.0 : 1.0) + 0.5 * static_cast<double>(seed))
          .publish(run + "/run.h5");
    }
  const std::vector<std::string> paths{folder / ""};

  // The best arm is marked, and the digits stay aligned.
  std::istringstream text(compare({.paths = paths}, Format::text).text);
  std::string line;
  std::getline(text, line);
  REQUIRE(line.starts_with("arm    router  seeds             loss           vs dense  "));
  std::getline(text, line);
  REQUIRE(line.starts_with("dense  dense       2  2.2500 ± 0.3536                  -  "));
  std::getline(text, line);
  REQUIRE(line.starts_with("hash   hash        2  1.2500 ± 0.3536*  -1.0000 ± 0.0000  "));
  REQUIRE_THAT(compare({.paths = paths}, Format::md).text,
               contains("| hash | hash | 2 | **1.2500 ± 0.3536** | -1.0000 ± 0.0000 |"));
  REQUIRE_THAT(
      compare({.paths = paths}, Format::csv).text,
      contains("arm,router,seeds,eval_loss_mean,eval_loss_std,eval_loss_difference_mean,"));
  REQUIRE_THAT(compare({.paths = paths}, Format::csv).text,
               contains("\r\nhash,hash,2,1.25,0.353553"));
  const auto json = nlohmann::json::parse(compare({.paths = paths}, Format::json).text);
  REQUIRE(json["rows"][1]["eval_loss"]["mean"] == 1.25);
  REQUIRE(json["rows"][0]["eval_loss_difference"].is_null());
}

TEST_CASE("compare: losses of a part of the validation split are said to be", "[analysis]") {
  const auto part = [](const std::string& arm, double evaluated, double error) {
    RunFile run = run_of(arm, 0, 2);
    run.attribute("validation_sequences", std::int64_t{100});
    run.put(variable("eval_loss_error", Type::float64, {"eval"}, {2}, {9, error}));
    run.put(variable("eval_sequences", Type::int64, {"eval"}, {2}, {evaluated, evaluated}));
    return outcome_of({"run.h5", run});
  };
  const auto notes_of = [](const std::vector<Outcome>& runs) {
    std::vector<std::string> notes;
    for (const std::string& note : comparison(runs, "").notes)
      if (note.find("sequences") != std::string::npos) notes.push_back(note);
    return notes;
  };
  using Lines = std::vector<std::string>;
  CHECK(notes_of({outcome("dense", 0, 2)}) == Lines{});
  CHECK(notes_of({part("dense", 100, 0), part("hash", 100, 0)}) == Lines{});
  const std::string some = "losses are of 25 of 100 validation sequences; on all of them they may ";
  CHECK(notes_of({part("dense", 25, 0.012), part("hash", 25, 0.034)}) ==
        Lines{some + "differ by 0.0340 (one standard error; arms by less, because they share the "
                     "sequences)"});
  const Lines mixed = notes_of({part("dense", 100, 0), part("hash", 25, 0.034)});
  REQUIRE(mixed.size() == 2);
  CHECK(mixed[1] == "losses of different numbers of sequences (25, 100) are not comparable");
  CHECK_FALSE(comparison({part("dense", 25, 0), part("hash", 25, 0)}, "").bold.empty());
  CHECK(comparison({part("dense", 100, 0), part("hash", 25, 0.034)}, "").bold.empty());
  CHECK(notes_of({part("dense", 1, std::nan(""))}) ==
        Lines{"losses are of 1 of 100 validation sequences; how much they differ on all of them is "
              "unknown"});
}

TEST_CASE("compare: the status is what is true now", "[analysis]") {
  const TemporaryFolder folder;
  run_of("a", 0, 1, "running").publish(folder / "1.h5");
  run_of("b", 0, 2).publish(folder / "2.h5");
  std::vector<std::string> asked;
  const auto status_of = [&](const std::string& path, const std::string& recorded) {
    asked.push_back(path + " " + recorded);
    return recorded == "running" ? std::string("interrupted") : recorded;
  };
  const std::vector<std::string> paths = {folder / "1.h5", folder / "2.h5"};
  CHECK_THAT(compare({.paths = paths}, Format::text).text,
             contains("running, not in the means: a"));
  CHECK_THAT(compare({.paths = paths, .status_of = status_of}, Format::text).text,
             contains("interrupted, not in the means: a"));
  CHECK(asked == std::vector<std::string>{paths[0] + " running", paths[1] + " complete"});
}

}  // namespace
namespace {

Outcome measured(const std::string& arm, std::int64_t seed, double loss, double vocabulary,
                 double unknown = -1) {
  RunFile run = run_of(arm, seed, loss);
  run.attribute("uniform_loss", std::log(vocabulary));
  if (unknown >= 0) run.attribute("unknown_characters", unknown);
  return outcome_of({"run.h5", run});
}

std::size_t notes_with(const Table& table, const std::string& words) {
  return static_cast<std::size_t>(
      std::count_if(table.notes.begin(), table.notes.end(),
                    [&](const std::string& note) { return note.find(words) != note.npos; }));
}

}  // namespace

TEST_CASE("compare: a loss above that of guessing is noted", "[analysis]") {
  const Table table = comparison({measured("dense", 0, 4.2, 64), measured("hash", 0, 4.1, 64)}, "");
  CHECK(has_note(table,
                 "loss above that of guessing (log of the vocabulary), so nothing was learned: "
                 "dense seed 0 (step 3) (4.2000 > 4.1589)"));
  CHECK(notes_with(comparison({measured("dense", 0, 4.1, 64)}, ""), "guessing") == 0);
  CHECK(notes_with(comparison(two_arms(), ""), "guessing") == 0);  // files that do not say
}

TEST_CASE("compare: text that the tokenizer does not know is noted from 1 % on", "[analysis]") {
  const Table table =
      comparison({measured("dense", 0, 2, 64, 0.009), measured("hash", 0, 2, 64, 0.123)}, "");
  CHECK(has_note(table,
                 "share of the text that the tokenizer does not know, so that losses are too low: "
                 "hash 12.3 %"));
}

TEST_CASE("compare: between vocabularies of different size no arm is the best", "[analysis]") {
  const Table same = comparison({measured("dense", 0, 2, 64), measured("hash", 0, 1, 64)}, "");
  CHECK_FALSE(same.bold.empty());
  CHECK(notes_with(same, "vocabularies differ") == 0);
  const Table other = comparison({measured("dense", 0, 2, 64), measured("hash", 0, 1, 65)}, "");
  CHECK(other.bold.empty());
  CHECK(notes_with(other, "vocabularies differ") == 1);
}

}  // namespace moesim::testing
