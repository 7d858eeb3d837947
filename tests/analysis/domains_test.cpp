// Tests loss, load and specialisation by domain, against numbers worked out by hand.
#include "analysis/tables/domains.hpp"

#include "sim/core/error.hpp"
#include "tests/analysis/routing_samples.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

using By = DomainsOptions::By;
using Type = Variable::Type;

// Two domains; of the last evaluation, code has 6 2 0 0 and text 0 0 4 4 in the first layer, and
// both have 2 2 2 2 in the second.
RunFile domain_run(std::int64_t seed, double code_loss = 2) {
  RunFile run = routing_run("a", seed);
  run.attribute("bayes_loss", 2.0);
  run.attribute("bayes_loss_domains", "1.5,2.75");
  run.put({.name = "domain",
           .type = Type::text,
           .dims = {"domain"},
           .shape = {2},
           .values = {},
           .texts = {"code", "text & more"},
           .long_name = "",
           .units = ""});
  run.put(variable("domain_loss", Type::float64, {"eval", "domain"}, {2, 2}, {9, 9, code_loss, 3}));
  std::vector<double> load(16, 1);
  load.insert(load.end(), {6, 2, 0, 0, 0, 0, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2});
  run.put(variable("domain_load", Type::float64, {"eval", "layer", "domain", "expert"},
                   {2, 2, 2, 4}, load));
  run.put(variable("eval_domain_nmi", Type::float64, {"eval", "layer"}, {2, 2}, {0, 0, 1, 0.5}));
  return run;
}

Table domains_of(const std::vector<RunFile>& runs, const DomainsOptions& options = {}) {
  const TemporaryFolder folder;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string path = folder / ("run" + std::to_string(i));
    std::filesystem::create_directory(path);
    runs[i].publish(path + "/run.h5");
  }
  return domains_table({.paths = {folder / ""}}, options);
}

TEST_CASE("domains: loss, regret, load and specialisation", "[analysis][tables]") {
  const Table table = domains_of({domain_run(0), domain_run(1, 2.5)});
  REQUIRE(table.rows.size() == 3);
  CHECK(text(table, 0, "domain") == "code");
  CHECK(text(table, 1, "domain") == "text & more");
  check_number(table, 0, "loss", 2.25);
  check_deviation(table, 0, "loss", std::sqrt(0.125));
  check_number(table, 0, "regret", 0.75);
  check_number(table, 1, "regret", 0.25);
  check_number(table, 0, "load_percent", 50);
  check_number(table, 0, "top_expert", (0.75 + 0.25) / 2);
  check_number(table, 1, "top_expert", (0.5 + 0.25) / 2);
  check_number(table, 0, "uniform", 0.25);
  // numpy: p = [.75, .25]; (-(p * log(p)).sum() / log(4) + 1) / 2
  check_number(table, 0, "routing_entropy", 0.7028195311147832);
  check_number(table, 1, "routing_entropy", 0.75);

  CHECK(text(table, 2, "domain") == "all");
  check_number(table, 2, "loss", 2.5);
  check_number(table, 2, "regret", 0.5);
  check_number(table, 2, "top_expert", (6.0 / 16 + 0.25) / 2);
  // numpy: p = [.375, .125, .25, .25]; (-(p * log(p)).sum() / log(4) + 1) / 2
  check_number(table, 2, "routing_entropy", 0.9764097655573916);
  check_number(table, 2, "domain_nmi", 0.75);
}

TEST_CASE("domains: by layer and by expert", "[analysis][tables]") {
  const Table layers = domains_of({domain_run(0)}, {.by = By::layer});
  REQUIRE(layers.rows.size() == 2);
  CHECK(text(layers, 1, "layer") == "3");
  check_number(layers, 0, "domain_nmi", 1);
  check_number(layers, 0, "top_expert_code", 0.75);
  check_number(layers, 0, "top_expert_text_more", 0.5);

  const Table experts = domains_of({domain_run(0)}, {.by = By::expert});
  REQUIRE(experts.rows.size() == 8);
  CHECK(text(experts, 2, "expert") == "2");
  check_number(experts, 2, "share_code", 0);
  check_number(experts, 2, "share_text_more", 0.5);
  check_number(experts, 2, "share_all", 0.25);
  check_number(experts, 7, "share_code", 0.25);
}

TEST_CASE("domains: at another evaluation", "[analysis][tables]") {
  const Table table = domains_of({domain_run(0)}, {.at = {At::Kind::best, 0}});
  check_number(table, 0, "loss", 9);
  check_number(table, 0, "top_expert", 0.25);
}

// One of three domains is held out; the dense arm has the same losses plus 0.4, 0.2 and 0.1 (more = 0.1).
RunFile out_run(const std::string& arm, std::int64_t seed, double more, double noise) {
  RunFile run = routing_run(arm, seed);
  run.attribute("config", "[data]\nheld_out = c\nname = text\n[router]\nname = " + arm + "\n");
  run.put({.name = "domain",
           .type = Type::text,
           .dims = {"domain"},
           .shape = {3},
           .values = {},
           .texts = {"a", "b", "c"},
           .long_name = "",
           .units = ""});
  run.put(variable("domain_loss", Type::float64, {"eval", "domain"}, {2, 3},
                   {9, 9, 9, 2 + 4 * more + noise, 1 + 2 * more + noise, 3 + more}));
  run.put(
      variable("domain_targets", Type::int64, {"eval", "domain"}, {2, 3}, {1, 1, 1, 100, 300, 50}));
  return run;
}

TEST_CASE("domains: held out from training", "[analysis][tables]") {
  std::vector<RunFile> runs;
  for (std::int64_t seed = 0; seed < 2; ++seed) {
    runs.push_back(out_run("dense", seed, 0.1, 0));
    runs.push_back(out_run("soft", seed, 0, 0.01 * static_cast<double>(seed)));
  }
  const Table table = domains_of(runs, {.baseline = "dense"});
  REQUIRE(table.rows.size() == 12);
  CHECK(text(table, 0, "held_out") == "no");
  CHECK(text(table, 2, "held_out") == "yes");
  CHECK(text(table, 10, "domain") == "all trained");
  CHECK(text(table, 11, "domain") == "all held out");
  check_number(table, 4, "loss", 1.5);  // dense: (2.4 · 100 + 1.2 · 300) / 400
  check_number(table, 5, "loss", 3.1);
  check_number(table, 10, "loss", 1.255);  // (2 · 100 + 1 · 300) / 400, and 0.01 more
  check_number(table, 11, "loss", 3);
  check_number(table, 6, "loss_difference", -0.395);
  check_number(table, 10, "loss_difference", -0.245);
  check_number(table, 11, "loss_difference", -0.1);
  check_number(table, 11, "gain_ratio", 0.1 / 0.245);
  CHECK(mentions(table, "without training data"));
  // No baseline among the rows: no comparison.
  const Table alone = domains_of(runs, {.arms = {"soft"}, .baseline = "dense"});
  CHECK(std::holds_alternative<std::monostate>(alone.rows[5][12]));
}

TEST_CASE("domains: data without domains", "[analysis][tables]") {
  try {
    domains_of({routing_run("a", 0)});
    FAIL("no domains");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::data);
    CHECK_THAT(error.what(), contains("data.domains"));
  }
  const Table table = domains_of({routing_run("b", 0), domain_run(0)});
  CHECK(table.rows.size() == 3);
  CHECK(mentions(table, "without domains: b"));
}

}  // namespace
}  // namespace moesim::testing
