// Tests the notes of the routers table: excluded runs, mixed settings, partial evaluations.
#include "tests/analysis/outcomes.hpp"

namespace moesim::testing {

using Type = Variable::Type;

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
  REQUIRE(has_note(
      table,
      "diverged, not in the means: hash seed 3 (after 4 steps), lory seed 0 (after 4 steps)"));
  REQUIRE(has_note(table, "running, not in the means: dense seed 3 (after 4 steps)"));
  REQUIRE(has_note(table, "complete, but never evaluated: hash seed 4 (after 4 steps)"));
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

TEST_CASE("compare: losses of a part of the validation split are said to be", "[analysis]") {
  const auto part = [](const std::string& arm, double evaluated, double error,
                       std::int64_t seed = 0) {
    RunFile run = run_of(arm, seed, 2 + 0.1 * static_cast<double>(seed));
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
  const auto two_seeds = [&](double of_hash) {
    return std::vector<Outcome>{part("dense", 25, 0), part("dense", 25, 0, 1),
                                part("hash", of_hash, 0), part("hash", of_hash, 0, 1)};
  };
  CHECK_FALSE(comparison(two_seeds(25), "").bold.empty());
  CHECK(comparison(two_seeds(100), "").bold.empty());
  CHECK(notes_of({part("dense", 1, std::nan(""))}) ==
        Lines{"losses are of 1 of 100 validation sequences; how much they differ on all of them is "
              "unknown"});
}

TEST_CASE("compare: a loss above that of guessing is noted", "[analysis]") {
  const Table table = comparison({measured("dense", 0, 4.2, 64), measured("hash", 0, 4.1, 64)}, "");
  CHECK(has_note(table,
                 "loss above that of guessing (log of the vocabulary), so nothing was learned: "
                 "dense seed 0 (after 4 steps) (4.2000 > 4.1589)"));
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
  const auto two_seeds = [](double vocabulary) {
    return std::vector<Outcome>{measured("dense", 0, 2, 64), measured("dense", 1, 2.1, 64),
                                measured("hash", 0, 1, vocabulary),
                                measured("hash", 1, 1.1, vocabulary)};
  };
  const Table same = comparison(two_seeds(64), "");
  CHECK_FALSE(same.bold.empty());
  CHECK(notes_with(same, "vocabularies differ") == 0);
  const Table other = comparison(two_seeds(65), "");
  CHECK(other.bold.empty());
  CHECK(notes_with(other, "vocabularies differ") == 1);
}

TEST_CASE("compare: different builds and devices are noted", "[analysis]") {
  const auto built = [](const std::string& arm, std::int64_t seed, const std::string& git,
                        const std::string& device) {
    RunFile run = run_of(arm, seed, 2 + 0.1 * static_cast<double>(seed));
    run.attribute("version", std::string("0.9"));
    run.attribute("git", git);
    run.attribute("device", device);
    return outcome_of({"run.h5", run});
  };
  const Table within = comparison({built("dense", 0, "aa", "cpu"), built("dense", 1, "bb", "cpu"),
                                   built("hash", 0, "aa", "cpu"), built("hash", 1, "aa", "gpu")},
                                  "");
  CHECK(has_note(within, "different builds in one arm: dense (0.9, aa | 0.9, bb)"));
  CHECK(has_note(within,
                 "different devices in one arm, so their speeds do not compare: hash (cpu | gpu)"));
  CHECK(number(within, 0, "seeds") == 2);
  const Table between =
      comparison({built("dense", 0, "aa", "cpu"), built("hash", 0, "bb", "cpu")}, "");
  CHECK(has_note(between, "arms come from different builds: 0.9, aa (dense), 0.9, bb (hash)"));
  CHECK(notes_with(between, "device") == 0);
  CHECK(notes_with(comparison({built("dense", 0, "aa", "cpu"), built("hash", 0, "aa", "cpu")}, ""),
                   "build") == 0);
}

TEST_CASE("compare: what makes losses measures of different things is noted", "[analysis]") {
  const auto set = [](const std::string& arm, const std::string& key, const std::string& value) {
    Outcome run = outcome(arm, 0, 2);
    run.settings = {{"run.steps", "300"}, {"data.sha256", "0123456789abcdef"}, {"eval.batch", "4"}};
    run.settings[key] = value;
    run.has_config = true;
    return run;
  };
  const auto with = [&](const std::string& key, const std::string& value) {
    return comparison({set("a", "run.steps", "300"), set("b", key, value)}, "");
  };
  CHECK(has_note(with("run.steps", "20"), "arms differ in run.steps: 20 (b), 300 (a)"));
  CHECK(has_note(with("eval.batch", "8"), "arms differ in eval.batch: 4 (a), 8 (b)"));
  CHECK(has_note(with("data.sha256", "fedcba9876543210"),
                 "arms differ in data.sha256: 01234567 (a), fedcba98 (b)"));
  CHECK(notes_with(with("router.hash.seed", "1"), "differ in") == 0);
}

}  // namespace moesim::testing
