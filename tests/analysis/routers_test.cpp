// Tests the routers table: means, paired differences, the best arm, baselines.
#include "sim/core/error.hpp"
#include "tests/analysis/outcomes.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <set>
#include <sstream>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

// As a command shows it.
struct Comparison {
  std::string text;
  std::vector<std::string> unreadable;
};

Comparison compare(Request request, TableFormat format) {
  Comparison result;
  request.on_unreadable = [&](const std::string& why) { result.unreadable.push_back(why); };
  result.text = render(routers_table(request, {}), format);
  return result;
}

}  // namespace

TEST_CASE("compare: mean, deviation and paired difference over seeds", "[analysis]") {
  const Table table = comparison(two_arms(), "");
  REQUIRE(table.rows.size() == 2);
  require_sample(cell(table, 0, "eval_loss"), 3, 2.2, 0.2);
  require_sample(cell(table, 1, "eval_loss"), 3, 2.1, std::sqrt(0.03));
  require_sample(cell(table, 1, "eval_loss_difference"), 3, -0.1, 0.1);
  require_sample(cell(table, 1, "regret"), 3, 0.6, std::sqrt(0.03));
  REQUIRE(std::holds_alternative<std::monostate>(cell(table, 0, "eval_loss_difference")));
  // scipy.stats.ttest_rel([1.9, 2.2, 2.2], [2.0, 2.2, 2.4]), its p and confidence_interval().
  const Interval interval = std::get<Interval>(cell(table, 1, "eval_loss_interval"));
  REQUIRE_THAT(interval.low, WithinAbs(-0.3484137712, 1e-9));
  REQUIRE_THAT(interval.high, WithinAbs(0.1484137712, 1e-9));
  REQUIRE_THAT(number(table, 1, "p_holm"), WithinAbs(0.2254033308, 1e-9));
}

TEST_CASE("compare: the last evaluation describes the routing", "[analysis]") {
  const Table table = comparison({outcome("hash", 0, 2)}, "");
  REQUIRE_THAT(number(table, 0, "drops_percent"), WithinAbs(20, 1e-12));
  REQUIRE_THAT(number(table, 0, "load_cv"), WithinAbs(0.5, 1e-12));
  REQUIRE(number(table, 0, "dead_experts") == 3);
  REQUIRE(number(table, 0, "tokens_per_second") == 50);
  REQUIRE(number(table, 0, "parameters_total") == 1234567);
}

TEST_CASE("compare: the best arm and those tied with it are marked", "[analysis]") {
  CHECK(marked_rows(comparison(two_arms(), "")) == std::set<std::size_t>{0, 1});
  auto apart = two_arms();
  for (Outcome& outcome : apart)
    if (outcome.arm == "hash") outcome.loss -= 1;
  const Table table = comparison(apart, "");
  CHECK(marked_rows(table) == std::set<std::size_t>{1});
  CHECK(table.bold.begin()->column == 2);  // the loss
  // A third arm that is clearly worse, and one of a single seed: no mark if it is better than all.
  for (const std::int64_t seed : {0, 1, 2})
    apart.push_back(outcome("worse", seed, 5 + 0.01 * static_cast<double>(seed)));
  apart.push_back(outcome("unlucky", 0, 9));
  CHECK(marked_rows(comparison(apart, "")) == std::set<std::size_t>{1});
  apart.push_back(outcome("lucky", 0, 0.1));
  CHECK(marked_rows(comparison(apart, "")).empty());
}

TEST_CASE("compare: one seed has no noise estimate", "[analysis]") {
  const Table table = comparison({outcome("dense", 0, 2), outcome("hash", 0, 3)}, "");
  REQUIRE(has_note(table, "one seed: no noise estimate: dense, hash"));
  REQUIRE(table.bold.empty());
  REQUIRE(std::isnan(std::get<Sample>(cell(table, 0, "eval_loss")).deviation));
  REQUIRE(table.references.at({0, 2}) == std::set<std::size_t>{0});
}

TEST_CASE("compare: pairs are of common seeds", "[analysis]") {
  const std::vector<Outcome> outcomes{outcome("a", 0, 1), outcome("a", 1, 2), outcome("b", 1, 5),
                                      outcome("b", 2, 7), outcome("c", 8, 1), outcome("d", 1, 4),
                                      outcome("d", 2, 4)};
  const Table table = comparison(outcomes, "b");
  // One common seed: unpaired. scipy.stats.ttest_ind([1, 2], [5, 7], equal_var=False); the
  // deviation of the difference of two runs is sqrt(0.5 + 2).
  require_sample(cell(table, 0, "eval_loss_difference"), 2, -4.5, std::sqrt(2.5));
  const Interval interval = std::get<Interval>(cell(table, 0, "eval_loss_interval"));
  CHECK_THAT(interval.low, WithinAbs(-11.4185228301, 1e-9));
  CHECK_THAT(interval.high, WithinAbs(2.4185228301, 1e-9));
  // No common seed and no deviation of one: the difference alone.
  CHECK(std::get<Sample>(cell(table, 2, "eval_loss_difference")).mean == -5);
  CHECK(std::isnan(std::get<Interval>(cell(table, 2, "eval_loss_interval")).low));
  // Two common seeds: -1 and -3.
  require_sample(cell(table, 3, "eval_loss_difference"), 2, -2, std::sqrt(2));
  REQUIRE(has_note(table, "seeds that b has too: a 1 of 2, c 0 of 1"));
  REQUIRE(has_note(table, "not paired by seed, so compared by Welch's t: a"));
  const Table named = routers_table(outcomes, {.baseline = "b", .columns = {"arm", "test", "p"}});
  CHECK(std::get<std::string>(named.rows[0][1]) == "Welch's t");
  CHECK_THAT(std::get<double>(named.rows[0][2]), WithinAbs(0.0917103390, 1e-9));
  CHECK(std::get<std::string>(named.rows[3][1]) == "paired t");
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
  REQUIRE(comparison(outcomes, "").columns[3].title == "vs dense");
  for (Outcome& outcome : outcomes) outcome.arm += ", wide";
  REQUIRE(comparison(outcomes, "").columns[3].title == "vs dense, wide");
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
  REQUIRE_THROWS_AS(compare({.paths = {folder / ""}}, TableFormat::text),
                    Error);  // there is no other

  run_of("hash", 0, 1.5).publish(folder / "good/run.h5");
  const Comparison result = compare({.paths = {folder / ""}}, TableFormat::text);
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
  std::istringstream text(compare({.paths = paths}, TableFormat::text).text);
  std::string line;
  std::getline(text, line);
  REQUIRE(line.starts_with("arm    seeds             loss           vs dense  "));
  std::getline(text, line);
  REQUIRE(line.starts_with("dense      2  2.2500 ± 0.3536                  -  "));
  std::getline(text, line);
  REQUIRE(line.starts_with("hash       2  1.2500 ± 0.3536*  -1.0000 ± 0.0000  "));
  REQUIRE_THAT(compare({.paths = paths}, TableFormat::md).text,
               contains("| hash | 2 | **1.2500 ± 0.3536** | -1.0000 ± 0.0000 |"));
  REQUIRE_THAT(compare({.paths = paths}, TableFormat::csv).text,
               contains("arm,seeds,eval_loss_mean,eval_loss_std,eval_loss_difference_mean,"));
  REQUIRE_THAT(compare({.paths = paths}, TableFormat::csv).text,
               contains("\r\nhash,2,1.25,0.353553"));
  const auto json = nlohmann::json::parse(compare({.paths = paths}, TableFormat::json).text);
  REQUIRE(json["rows"][1]["eval_loss"]["mean"] == 1.25);
  REQUIRE(json["rows"][0]["eval_loss_difference"].is_null());
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
  CHECK_THAT(compare({.paths = paths}, TableFormat::text).text,
             contains("running, not in the means: a"));
  CHECK_THAT(compare({.paths = paths, .status_of = status_of}, TableFormat::text).text,
             contains("interrupted, not in the means: a"));
  CHECK(asked == std::vector<std::string>{paths[0] + " running", paths[1] + " complete"});
}

}  // namespace moesim::testing
