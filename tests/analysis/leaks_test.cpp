// Tests the routers table of arms that look ahead: marks, notes, and the loss from a position on.
#include "tests/analysis/outcomes.hpp"

#include <algorithm>
#include <set>

namespace moesim::testing {
namespace {

// A run that was evaluated from position `from` on too, and looks ahead up to `last`; -1: nowhere.
Outcome evaluated_from(const std::string& arm, std::int64_t seed, double loss, double loss_from,
                       const std::string& from, std::int64_t last = -1) {
  RunFile run = run_of(arm, seed, loss);
  run.attribute("config", "[eval]\nfrom = " + from + "\n[router]\nname = " + arm + "\n");
  run.attribute("leak", last < 0 ? 0.0 : 0.5);
  if (last >= 0) run.attribute("leak_first", std::int64_t{0});
  if (last >= 0) run.attribute("leak_last", last);
  run.put(variable("eval_loss_from", Variable::Type::float64, {"eval"}, {2}, {9, loss_from}));
  return outcome_of({"run.h5", run});
}

// dense and hash are causal, lory looks ahead up to `last`, soft everywhere.
std::vector<Outcome> four_arms(std::int64_t last, const std::string& from = "16") {
  std::vector<Outcome> outcomes;
  for (const std::int64_t seed : {0, 1, 2}) {
    const double noise = 0.01 * static_cast<double>(seed);
    outcomes.push_back(evaluated_from("dense", seed, 2.0 + noise, 2.1 + noise, from));
    outcomes.push_back(evaluated_from("hash", seed, 1.9 + noise, 2.2 + 2 * noise, from));
    outcomes.push_back(evaluated_from("lory", seed, 1.0 + noise, 1.8 + 2 * noise, from, last));
    outcomes.push_back(evaluated_from("soft", seed, 0.5 + noise, 0.5 + noise, from, 62));
  }
  return outcomes;
}

std::set<std::size_t> marked_in(const Table& table, const std::string& key) {
  std::set<std::size_t> rows;
  for (const Table::Place& place : table.bold)
    if (table.columns[place.column].key == key) rows.insert(place.row);
  return rows;
}

}  // namespace

TEST_CASE("compare: a leaking arm is never the best", "[analysis]") {
  auto outcomes = two_arms();
  for (const std::int64_t seed : {0, 1, 2})
    outcomes.push_back(outcome("soft", seed, 0.5 + 0.01 * static_cast<double>(seed)));
  const Table table = comparison(outcomes, "");
  REQUIRE(marked_rows(table) == std::set<std::size_t>{0, 1});
  REQUIRE(std::get<std::string>(cell(table, 2, "leak")) == "leaks");
  REQUIRE(std::get<std::string>(cell(table, 0, "leak")) == "none");
  // Its loss points to the note that says so.
  const std::set<std::size_t> notes = table.references.at({2, 2});
  REQUIRE(notes.size() == 1);
  REQUIRE(table.notes[*notes.begin()] ==
          "leaks (a token's output depends on later tokens), so its loss is not comparable: soft");
  REQUIRE(comparison({outcome("soft", 0, 0.5), outcome("soft", 1, 0.5)}, "").bold.empty());
}

TEST_CASE("compare: the mark of a leak is lifted from where an arm does not look ahead",
          "[analysis]") {
  const Table table = comparison(four_arms(14), "");
  CHECK(marked_in(table, "eval_loss") == std::set<std::size_t>{1});
  CHECK(marked_in(table, "eval_loss_from") == std::set<std::size_t>{2});
  CHECK(std::get<std::string>(cell(table, 2, "leak")) == "leaks");  // it stays
  require_sample(cell(table, 2, "eval_loss_from"), 3, 1.82, 0.02);
  require_sample(cell(table, 2, "eval_loss_from_difference"), 3, -0.29, 0.01);
  const auto title = [&](const std::string& key) {
    for (const Column& column : table.columns)
      if (column.key == key) return column.title;
    return std::string();
  };
  CHECK(title("eval_loss_from") == "loss from 16");
  CHECK(title("eval_loss_from_difference") == "vs dense from 16");
  CHECK(has_note(table,
                 "from position 16 on, lory does not look ahead: its loss from there is "
                 "comparable"));
  CHECK(notes_with(table, "from position 16 on, lory is better than dense by 0.29") == 1);
  CHECK(notes_with(table, "so its loss is not comparable: lory, soft") == 1);

  // A leak at the position itself is one.
  for (const std::int64_t last : {16, 40}) {
    const Table leaking = comparison(four_arms(last), "");
    CHECK(marked_in(leaking, "eval_loss_from") == std::set<std::size_t>{0});
    CHECK(notes_with(leaking, "from position 16") == 0);
  }
  CHECK(marked_in(comparison(four_arms(15), ""), "eval_loss_from") == std::set<std::size_t>{2});
}

TEST_CASE("compare: the loss from a position on is a column where runs record it", "[analysis]") {
  const auto shows = [](const Table& table) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [](const Column& column) { return column.key == "eval_loss_from"; });
  };
  CHECK(shows(comparison(four_arms(14), "")));
  CHECK_FALSE(shows(comparison(two_arms(), "")));
  // Losses from different positions are not compared.
  std::vector<Outcome> mixed = four_arms(14);
  for (const Outcome& other : four_arms(14, "20")) mixed.push_back(other);
  const Table table = comparison(mixed, "dense (eval.from = 16)");
  CHECK(shows(table));
  CHECK(marked_in(table, "eval_loss_from").empty());
}

TEST_CASE("compare: where no leak was measured, what the router sees tells", "[analysis]") {
  const auto unmeasured = [](const std::string& sees, std::int64_t causal) {
    RunFile file;
    file.attribute("status", std::string("complete"));
    file.attribute("sees", sees);
    file.attribute("causal", causal);
    return outcome_of({"run.h5", file}).looks_ahead;
  };
  CHECK(unmeasured("sequence", 1));
  CHECK_FALSE(unmeasured("batch", 1));
  CHECK_FALSE(unmeasured("past", 1));
  CHECK_FALSE(unmeasured("sequence", 0));  // a task without a future
}

}  // namespace moesim::testing
