#include "analysis/runs/arms.hpp"

#include "analysis/tables/routers.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim {
namespace {

// A run of token choice with these k and capacity, trained under some label.
Outcome run_of(const std::string& label, int k, int capacity, std::int64_t seed,
               const std::string& more = "") {
  RunFile file;
  file.attribute("status", std::string("complete"));
  file.attribute("arm", label);
  file.attribute("router", std::string("token_choice"));
  file.attribute("seed", seed);
  file.attribute("data_sha256", std::string("d"));
  file.attribute("config", "[run]\nname = a" + label + "\nseed = " + std::to_string(seed) +
                               "\n[router.token_choice]\nk = " + std::to_string(k) +
                               "\ncapacity_factor = " + std::to_string(capacity) + "\n" + more);
  return outcome_of({"run.h5", file});
}

// The name of the arm of each.
std::vector<std::string> names_of(const std::vector<Outcome>& outcomes) {
  std::vector<std::string> names(outcomes.size());
  for (const Arm& arm : arms_of(outcomes))
    for (const Outcome* run : arm.runs)
      names[static_cast<std::size_t>(run - outcomes.data())] = arm.name;
  return names;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("arms: runs that differ in their seed alone are one, whatever their labels",
          "[analysis]") {
  CHECK(names_of({run_of("k=2 capacity_factor=1", 2, 1, 0), run_of("token_choice", 2, 1, 1)}) ==
        Texts{"k=2 capacity_factor=1", "k=2 capacity_factor=1"});
  CHECK(names_of({run_of("a", 2, 1, 0, "[checkpoint]\nevery = 10\n"),
                  run_of("b", 2, 1, 0, "[checkpoint]\nevery = 20\n")}) == Texts{"a", "a"});
}

TEST_CASE("arms: runs of one label that differ are told apart", "[analysis]") {
  CHECK(names_of({run_of("token_choice", 1, 1, 0), run_of("token_choice", 2, 1, 0),
                  run_of("token_choice", 1, 1, 1), run_of("other", 4, 1, 0)}) ==
        Texts{"token_choice (router.token_choice.k = 1)",
              "token_choice (router.token_choice.k = 2)",
              "token_choice (router.token_choice.k = 1)", "other"});
  CHECK(names_of({run_of("a", 1, 1, 0), run_of("a", 2, 2, 0), run_of("a", 2, 1, 0)}) ==
        Texts{"a (router.token_choice.capacity_factor = 1, router.token_choice.k = 1)",
              "a (router.token_choice.capacity_factor = 2, router.token_choice.k = 2)",
              "a (router.token_choice.capacity_factor = 1, router.token_choice.k = 2)"});
  // An option of another version.
  CHECK(names_of({run_of("a", 1, 1, 0), run_of("a", 1, 1, 0, "[eval]\nsequences = 8\n")}) ==
        Texts{"a (eval.sequences not set)", "a (eval.sequences = 8)"});
}

TEST_CASE("arms: without a config the label tells", "[analysis]") {
  Outcome a = run_of("a", 1, 1, 0), b = run_of("a", 2, 1, 0);
  a.settings.clear(), b.settings.clear();
  CHECK(names_of({a, b}) == Texts{"a", "a"});
}

TEST_CASE("arms: a copy of a run is no further seed", "[analysis]") {
  const auto seeds_of = [](const std::vector<Outcome>& runs) {
    return std::get<double>(routers_table(runs, {}).rows.front()[2]);
  };
  const std::vector<Outcome> runs = {run_of("a", 1, 1, 0), run_of("a", 1, 1, 1),
                                     run_of("a", 1, 1, 0)};
  CHECK(seeds_of({runs[0], runs[1]}) == 2);
  CHECK(seeds_of(runs) == 2);
}

TEST_CASE("arms: seeds beyond 2^53 stay apart", "[analysis]") {
  const std::int64_t large = std::int64_t{1} << 62;
  CHECK(run_of("a", 1, 1, large).seed == large);
  const Table table = routers_table(
      {run_of("a", 1, 1, large), run_of("a", 1, 1, large - 1), run_of("a", 1, 1, large - 1)}, {});
  bool noted = false;
  for (const std::string& note : table.notes) {
    noted = noted || note ==
                         "run more than once, perhaps in different experiments: a seed "
                         "4611686018427387903 (2 times)";
    CHECK(note.find("4611686018427387904 (") == std::string::npos);
  }
  CHECK(noted);
  // A seed that a double holds exactly is one; another is none.
  RunFile file;
  file.attribute("seed", 7.0);
  CHECK(outcome_of({"run.h5", file}).seed == 7);
  file.attribute("seed", 0x1p62);
  CHECK_FALSE(outcome_of({"run.h5", file}).seed.has_value());
}

}  // namespace moesim
