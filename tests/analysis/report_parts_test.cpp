// Tests the parts of a report: configs, certificates, provenance, reproduction.
#include "analysis/report/certificates.hpp"
#include "analysis/report/configs.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/report/report.hpp"
#include "analysis/report/split.hpp"
#include "analysis/report/sweep_config.hpp"
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <string>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

// What a run file says, as far as these parts ask.
struct Said {
  std::string arm, router = "token_choice", settings = "";
  std::int64_t seed = 0;
  double loss = 2, leak = 0, leak_last = -1;
  std::string sees = "past", plan = "assignment", git = "abc", status = "complete";
};

RunFile said_run(const Said& said) {
  RunFile run;
  run.attribute("moesim_schema", std::int64_t{1});
  run.attribute("status", said.status);
  run.attribute("experiment", "trial");
  run.attribute("arm", said.arm);
  run.attribute("router", said.router);
  run.attribute("seed", said.seed);
  run.attribute("run_id", said.arm + "-s" + std::to_string(said.seed));
  run.attribute("causal", std::int64_t{1});
  if (!std::isnan(said.leak)) run.attribute("leak", said.leak);
  if (said.leak_last >= 0) run.attribute("leak_first", std::int64_t{0});
  if (said.leak_last >= 0) run.attribute("leak_last", static_cast<std::int64_t>(said.leak_last));
  run.attribute("sees", said.sees);
  run.attribute("plan_kind", said.plan);
  run.attribute("config", "[run]\nname = trial\nseed = " + std::to_string(said.seed) +
                              "\nsteps = 3\n[router]\nname = " + said.router + "\n" +
                              said.settings);
  run.attribute("config_sha256", std::string("c") + std::to_string(said.seed));
  run.attribute("data_sha256", "d0");
  run.attribute("version", "0.1.0");
  run.attribute("git", said.git);
  run.attribute("device", "cpu: made up");
  run.attribute("threads", std::int64_t{2});
  run.attribute("created_utc", "2026-01-02T03:04:05Z");
  run.put(variable("step", Type::int64, {"step"}, {3}, {0, 1, 2}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {2}, {4, said.loss}));
  return run;
}

struct ReportedRuns {
  explicit ReportedRuns(const std::vector<Said>& all) {
    for (const Said& said : all) {
      const Run run{"run.h5", said_run(said)};
      outcomes.push_back(outcome_of(run));
      records.push_back(record_of(run));
    }
    arms = arms_of(outcomes);
  }
  std::vector<Outcome> outcomes;
  std::vector<Record> records;
  std::vector<Arm> arms;
};

std::string said_in(const Cell& cell) {
  const auto* text = std::get_if<std::string>(&cell);
  return text == nullptr ? "" : *text;
}

std::vector<std::string> row(const Table& table, std::size_t r) {
  std::vector<std::string> words;
  for (const Cell& cell : table.rows.at(r)) words.push_back(said_in(cell));
  return words;
}

using Words = std::vector<std::string>;

// dense, and token_choice with k of 1 and 2 and another rate.
ReportedRuns three_arms() {
  return ReportedRuns(
      {{.arm = "dense", .router = "dense", .settings = "[train]\nrate = 0.1\n"},
       {.arm = "top1",
        .settings = "[router.token_choice]\nk = 1\nnoise = none\n[train]\nrate = 0.1\n"},
       {.arm = "top2",
        .settings = "[router.token_choice]\nk = 2\nnoise = none\n[train]\nrate = 0.2\n"}});
}

}  // namespace

TEST_CASE("report: configs are what is common, and what differs", "[analysis]") {
  const ReportedRuns runs = three_arms();
  const ConfigComparison configs = compare_configs(runs.arms);
  CHECK(configs.keys == Words{"router.name", "router.token_choice.k", "train.rate"});
  CHECK(configs.without.empty());
  const Table common = common_settings(configs);
  REQUIRE(common.rows.size() == 3);
  CHECK(row(common, 0) == Words{"data.sha256", "d0", "all"});
  CHECK(row(common, 1) == Words{"router.token_choice.noise", "none", "top1, top2"});
  CHECK(row(common, 2) == Words{"run.steps", "3", "all"});

  const Table table = differing_settings(configs, runs.arms);
  REQUIRE(table.columns.size() == 4);
  CHECK(row(table, 0) == Words{"dense", "dense", "", "0.1"});
  CHECK(row(table, 1) == Words{"top1", "token_choice", "1", "0.1"});
  CHECK(row(table, 2) == Words{"top2", "token_choice", "2", "0.2"});
  // Two of three have token_choice and 0.1; of k no two have the same.
  CHECK(table.bold == std::set<Table::Place>{{0, 1}, {2, 3}});
}

TEST_CASE("report: arms without a config are named", "[analysis]") {
  ReportedRuns runs = three_arms();
  runs.arms[1].settings.clear();
  const ConfigComparison configs = compare_configs(runs.arms);
  CHECK(configs.without == Words{"top1"});
  REQUIRE(configs.common.contains("run.steps"));
  CHECK(configs.common.at("run.steps").arms.empty());  // all that have a config
  CHECK(configs.common.at("router.token_choice.k").arms == Words{"top2"});
  CHECK(configs.keys == Words{"router.name", "train.rate"});
}

TEST_CASE("report: certificates say what was declared and what was measured", "[analysis]") {
  const double nan = std::nan("");
  const auto config = [](int b) { return "[a]\nb = " + std::to_string(b) + "\n"; };
  ReportedRuns runs(
      {{.arm = "good", .settings = config(1)},
       {.arm = "soft", .settings = config(2), .leak = 0.3125, .sees = "sequence", .plan = "mixing"},
       {.arm = "liar", .settings = config(3), .leak = 0.5},
       {.arm = "unknown", .settings = config(4), .leak = nan, .sees = "", .plan = ""},
       {.arm = "partly", .settings = config(5)},
       {.arm = "partly", .settings = config(5), .seed = 1, .leak = nan},
       {.arm = "lory", .settings = config(7), .leak = 0.5, .leak_last = 14, .sees = "sequence"},
       {.arm = "masked", .settings = config(6), .leak = 0.5, .sees = "batch"}});
  runs.records.back().causal = 0;
  const Table table = certificates(runs.arms, runs.outcomes, runs.records);
  const std::string past = "earlier tokens of its sequence";
  const std::string assignment = "assignment: rows go to experts";
  CHECK(row(table, 0) ==
        Words{"good", assignment, past, "0", "causal: no output changes with later tokens"});
  CHECK(row(table, 1) ==
        Words{"soft", "mixing: slots mix rows", "all tokens of its sequence", "0.312",
              "looks ahead: outputs change with later tokens, so its loss is not comparable"});
  CHECK(row(table, 2)[4] ==
        "looks ahead, although its router declares that it does not: outputs change with later "
        "tokens, so its loss is not comparable");
  CHECK(row(table, 3) ==
        Words{"unknown", "not recorded", "not recorded", "", "not certified: no run measured it"});
  CHECK(row(table, 4)[4] ==
        "causal: no output changes with later tokens (measured in 1 of 2 runs)");
  CHECK(row(table, 5)[4] ==
        "looks ahead: outputs at positions 0 to 14 change with later tokens, so its loss is not "
        "comparable");
  CHECK(row(table, 6)[2] == "other sequences of the batch");
  CHECK(row(table, 6)[4] == "looking ahead is allowed: the task is given whole sequences");
}

TEST_CASE("report: provenance is what all runs have, and a row of what differs", "[analysis]") {
  const ReportedRuns runs({{.arm = "a", .seed = 1},
                           {.arm = "a", .seed = std::int64_t{4611686018427387905}, .git = "def"}});
  const Provenance provenance = provenance_of(runs.arms, runs.outcomes, runs.records);
  using Facts = std::vector<std::pair<std::string, std::string>>;
  CHECK(provenance.common ==
        Facts{{"version", "0.1.0"},
              {"build", "not recorded"},
              {"device", "cpu: made up"},
              {"threads", "2"},
              {"created (UTC)", "2026-01-02T03:04:05Z"},
              {"SHA-256 of the tokens as read (data_sha256), not of the file", "d0"}});
  REQUIRE(provenance.runs.columns.size() == 6);
  CHECK(provenance.runs.columns[4].title == "git revision");
  CHECK(row(provenance.runs, 0) == Words{"a", "1", "complete", "a-s1", "abc", "c1"});
  // A seed of 2^62 + 1, which a double does not hold.
  CHECK(row(provenance.runs, 1) == Words{"a", "4611686018427387905", "complete",
                                         "a-s4611686018427387905", "def", "c4611686018427387905"});
}

TEST_CASE("report: the type of numbers is the one that was used", "[analysis]") {
  const std::string could = "cpu: x, products by onednn with bfloat16";
  const auto device = [&](const std::string& config) {
    RunFile run;
    run.attribute("device", could);
    run.attribute("config", config);
    return record_of({"run.h5", run}).device;
  };
  CHECK(device("[run]\ncompute = float32\n") == "cpu: x, products by onednn, compute float32");
  CHECK(device("[run]\ncompute = bfloat16\n") == could + ", compute bfloat16");
  CHECK(device("[run]\nsteps = 1\n") == could);
}

TEST_CASE("report: a value is marked if more than half of the arms have another", "[analysis]") {
  std::vector<Arm> arms;
  for (const char* k : {"1", "1", "2", "2"}) arms.push_back({.name = "a", .settings = {{"k", k}}});
  CHECK(differing_settings(compare_configs(arms), arms).bold.empty());
  arms.push_back({.name = "b", .settings = {{"k", "1"}}});
  CHECK(differing_settings(compare_configs(arms), arms).bold ==
        std::set<Table::Place>{{2, 1}, {3, 1}});
}

TEST_CASE("report: an arm is run again by its config and its seeds", "[analysis]") {
  const ReportedRuns runs({{.arm = "-x; rm *", .settings = "[a]\nb = 1\n", .seed = 2},
                           {.arm = "-x; rm *", .settings = "[a]\nb = 1\n", .seed = 0},
                           {.arm = "X RM", .settings = "[a]\nb = 2\n", .seed = 3}});
  const auto all = reproductions(runs.arms, runs.outcomes, runs.records);
  REQUIRE(all.size() == 2);
  CHECK(all[0].file == "x-rm.ini");
  CHECK(all[0].command == "moesim run x-rm.ini run.seed=2,0");
  CHECK(all[0].config == runs.records[0].config);
  CHECK(all[1].command == "moesim run x-rm-2.ini run.seed=3");
}

TEST_CASE("report: arms of the same seeds and data are run again by one file", "[analysis]") {
  const ReportedRuns runs(
      {{.arm = "a b", .settings = "[x]\nb = 1\n[x.y]\nc = 2\n", .seed = 2},
       {.arm = "a b", .settings = "[x]\nb = 1\n[x.y]\nc = 2\n", .seed = 0},
       {.arm = "c", .settings = "[x]\nb = 1\nd = 3\n[x.y]\nc = 4\n", .seed = 2},
       {.arm = "c", .settings = "[x]\nb = 1\nd = 3\n[x.y]\nc = 4\n", .seed = 0}});
  CHECK(sweep_config(runs.arms, runs.outcomes, runs.records) ==
        "[router]\nname = token_choice\n\n[run]\nname = trial\nsteps = 3\n\n[x]\nb = 1\n\n"
        "[variant.a-b]\nx.y.c = 2\n\n[variant.c]\nx.d = 3\nx.y.c = 4\n\n"
        "[sweep]\nrun.seed = 2, 0\n");
  const ReportedRuns others({{.arm = "a", .settings = "[x]\nb = 1\n", .seed = 0},
                             {.arm = "b", .settings = "[x]\nb = 2\n", .seed = 1}});
  CHECK(sweep_config(others.arms, others.outcomes, others.records) == "");
  CHECK(sweep_config({others.arms[0]}, others.outcomes, others.records) ==
        "[router]\nname = token_choice\n\n[run]\nname = trial\nsteps = 3\n\n[x]\nb = 1\n\n"
        "[sweep]\nrun.seed = 0\n");
}

TEST_CASE("report: a table of layers is its totals, and a fold per arm", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"}, {"layer", "layer"}, {"cv", "CV", Column::Kind::number, 2}};
  table.rows = {{"a", "0", 1.0}, {"a", "1", 3.0}, {"a", "all", 2.0}, {"b", "0", 5.0}};
  table.notes = {"of b"};
  table.bold = {{2, 2}, {0, 2}};
  table.references = {{{3, 2}, {0}}};
  const SplitTable split = split_by_arm(table, "layer");
  REQUIRE(split.totals.rows.size() == 2);
  CHECK(row(split.totals, 0) == Words{"a", "all", ""});
  CHECK(row(split.totals, 1) == Words{"b", "0", ""});  // its only layer
  CHECK(std::get<double>(split.totals.rows[1][2]) == 5);
  CHECK(split.totals.notes == Words{"of b"});
  CHECK(split.totals.bold == std::set<Table::Place>{{0, 2}});
  CHECK(split.totals.references == std::map<Table::Place, std::set<std::size_t>>{{{1, 2}, {0}}});
  REQUIRE(split.arms.size() == 2);
  CHECK(split.arms[0].first == "a");
  CHECK(split.arms[0].second.rows.size() == 3);
  CHECK(split.arms[0].second.bold == std::set<Table::Place>{{0, 2}, {2, 2}});
  CHECK(split.arms[1].second.notes.empty());
}

TEST_CASE("report: notes that are said elsewhere go, and marks follow the others", "[analysis]") {
  Table table;
  table.columns = {{"arm", "arm"}, {"layer", "layer"}};
  table.rows = {{"a", "0"}, {"b", "0"}};
  table.notes = {"first", "second", "third"};
  table.references = {{{0, 0}, {0}}, {{1, 0}, {1, 2}}};
  const Table rest = without_notes(table, {"first", "second", "never"});
  CHECK(rest.notes == Words{"third"});
  CHECK(rest.references == std::map<Table::Place, std::set<std::size_t>>{{{1, 0}, {0}}});
  CHECK(rest.rows.size() == 2);
}

TEST_CASE("report: a whole page of run files, hostile names and all", "[analysis]") {
  const TemporaryFolder folder;
  const std::string hostile = "</script><img src=x onerror=alert(1)>\x1b[31m\xE2\x80\xAE";
  int number = 0;
  for (const std::string& arm : {std::string("dense"), hostile})
    for (std::int64_t seed = 0; seed < 3; ++seed)
      said_run({.arm = arm,
                .router = arm == "dense" ? "dense" : "hash",
                .seed = seed,
                .loss = (arm == "dense" ? 2 : 1) + 0.01 * static_cast<double>(seed)})
          .publish(folder / (std::to_string(number++) + ".h5"));
  Request request;
  for (int i = 0; i < number; ++i) request.paths.push_back(folder / (std::to_string(i) + ".h5"));
  write_bytes(folder / "damaged.h5", "no run file");
  request.paths.push_back(folder / "damaged.h5");
  std::vector<std::string> unreadable;
  request.on_unreadable = [&](const std::string& why) { unreadable.push_back(why); };

  const ReportOptions options{.generator = "moesim test"};
  const std::string page = report(request, options);
  CHECK(unreadable.size() == 1);  // said once, however often files are read
  for (const char* id :
       {"verdict", "routers", "certificates", "configs", "provenance", "reproduction", "notes"})
    CHECK(page.find("<section id=\"" + std::string(id) + "\"") != page.npos);
  CHECK(page.find("<h1>trial</h1>\n<p>6 runs in 2 arms, 3 complete runs of each</p>") != page.npos);
  CHECK(page.find("<img") == page.npos);
  CHECK(page.find('\x1b') == page.npos);
  CHECK(page.find("\xE2\x80\xAE") == page.npos);
  CHECK(page.find("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;?[31m?") != page.npos);
  CHECK(page.find("damaged.h5") != page.npos);
  CHECK(page.find("2.0100") != page.npos);  // the mean of 2, 2.01, 2.02
  CHECK(report(request, options) == page);

  CHECK(report(request, {.title = "My <title>", .arms = {"dense"}})
            .find("<h1>My &lt;title&gt;</h1>\n<p>3 runs in 1 arm, 3 complete runs of each</p>") !=
        std::string::npos);
  CHECK_THROWS_AS(report(request, {.baseline = "nobody"}), Error);
  CHECK_THROWS_AS(report(request, {.arms = {"nobody"}}), Error);
}

}  // namespace moesim::testing
