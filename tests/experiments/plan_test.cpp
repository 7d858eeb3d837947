// Tests reading and writing of plan.json.
#include "experiments/sweep/plan.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <functional>

namespace moesim::testing {
namespace {

using Json = nlohmann::ordered_json;

PlannedRun planned(const std::string& folder) {
  PlannedRun run;
  run.spec.label = "soft";
  run.spec.settings.set("run.seed", "4611686018427387904", "f.ini:1");
  run.spec.varied = {{"moe.experts", "4"}};
  run.folder = folder;
  run.seed = std::uint64_t{1} << 62;
  run.config_sha256 = std::string(64, 'a');
  run.data_sha256 = std::string(64, 'b');
  run.steps = 300;
  run.parameters_total = (index{1} << 58) + 1;
  run.parameters_active = 10.5, run.flops_per_token = 1e20;
  run.hidden = 32;
  run.least_bytes = 1e9;
  return run;
}

Json good_plan() { return Json::parse(to_json({"study", {planned("soft-s0-00000000")}})); }

// What reading this plan says, without the path in front.
std::string said_of(const Json& json) {
  const ConfigFolder folder;
  try {
    read_plan(folder.write("plan.json", json.dump()));
  } catch (const Error& error) {
    if (error.code() != Exit::data) return "not exit 3: " + std::string(error.what());
    return folder.relative(error.what());
  }
  return "no error";
}

std::string with(const std::string& key, const Json& value) {
  Json json = good_plan();
  json["runs"][0][key] = value;
  return said_of(json);
}

}  // namespace

TEST_CASE("plan: what is written is read, to the last digit", "[experiments]") {
  const ConfigFolder folder;
  const std::string path = folder.write("plan.json", good_plan().dump());
  const Plan plan = read_plan(path);
  REQUIRE(plan.runs.size() == 1);
  CHECK(plan.runs[0].seed == 4611686018427387904u);
  CHECK(plan.runs[0].parameters_total == 288230376151711745);
  CHECK(plan.runs[0].resolved.empty());
  CHECK(to_json(plan) == to_json({"study", {planned("soft-s0-00000000")}}));
}

TEST_CASE("plan: numbers are held to the ranges of options", "[experiments]") {
  const std::string where = "plan.json: run 1: ";
  CHECK(with("steps", -1) == where + "steps = -1: expected a whole number from 1 to 1099511627776");
  CHECK(with("steps", 0) == where + "steps = 0: expected a whole number from 1 to 1099511627776");
  CHECK(with("steps", 2.5) ==
        where + "steps = 2.5: expected a whole number from 1 to 1099511627776");
  CHECK(with("steps", "3") ==
        where + "steps = \"3\": expected a whole number from 1 to 1099511627776");
  CHECK(with("steps", 1e13) != "no error");
  CHECK(with("seed", 1180591620717411303424.0) != "no error");  // 2^70
  CHECK(with("seed", -1) ==
        where + "seed = -1: expected a whole number from 0 to 4611686018427387904");
  CHECK(with("seed", 9223372036854775808u) != "no error");
  CHECK(with("seed", true) != "no error");
  CHECK(with("parameters_total", -5) != "no error");
  CHECK(with("expert_hidden", 0) != "no error");
  CHECK(with("flops_per_token", -1.0) ==
        where + "flops_per_token = -1.0: expected a number, 0 or more");
  CHECK(with("least_bytes", "many") != "no error");
  CHECK(with("least_bytes", nullptr) != "no error");
}

TEST_CASE("plan: what contradicts the settings of its run is named", "[experiments]") {
  const std::string where = "plan.json: run 1: ";
  CHECK(with("seed", 7) == where +
                               "seed = 7, but run.seed = 4611686018427387904 in its settings; run "
                               "the config file again to make a new plan");
  const auto setting = [](const char* key, const char* value) {
    Json json = good_plan();
    json["runs"][0]["settings"][key] = {value, "f.ini:2"};
    return said_of(json);
  };
  CHECK(setting("run.steps", "300") == "no error");
  CHECK(setting("run.steps", "200") ==
        where +
            "steps = 300, but run.steps = 200 in its settings; run the config file again to "
            "make a new plan");
  CHECK(setting("run.name", "study") == "no error");
  CHECK(setting("run.name", "another")
            .starts_with("plan.json: experiment = study, but run.name = another in its settings"));
  Json json = good_plan();
  json["runs"][0]["settings"].erase("run.seed");  // which is 0 then
  CHECK(said_of(json).find("but run.seed = 0 in its settings") != std::string::npos);
  json["runs"][0]["seed"] = 0;
  CHECK(said_of(json) == "no error");
}

TEST_CASE("plan: runs of the plan before stay known", "[experiments]") {
  Plan first{"study", {planned("a-s0-00000000"), planned("b-s0-00000000")}};
  Plan second{"study", {planned("b-s0-00000000"), planned("c-s0-00000000")}};
  keep_earlier(second, first);
  const auto folders = [](const Plan& plan) {
    std::vector<std::string> names;
    for (const EarlierRun& run : plan.earlier) names.push_back(run.folder);
    return names;
  };
  CHECK(folders(second) == std::vector<std::string>{"a-s0-00000000"});
  // They are no longer earlier once they are planned again.
  Plan third{"study", {planned("a-s0-00000000")}};
  keep_earlier(third, second);
  CHECK(folders(third) == std::vector<std::string>{"b-s0-00000000", "c-s0-00000000"});
  keep_earlier(third, third);
  CHECK(folders(third).size() == 2);

  const ConfigFolder folder;
  const Plan read = read_plan(folder.write("plan.json", to_json(third)));
  REQUIRE(read.runs.size() == 1);
  REQUIRE(folders(read) == folders(third));
  CHECK(read.earlier[0].arm == "soft");
  CHECK(read.earlier[0].seed == std::uint64_t{1} << 62);
  CHECK(read.earlier[0].steps == 300);
  Json json = Json::parse(to_json(third));
  json["earlier"][1]["folder"] = "../x";
  CHECK(said_of(json) == "plan.json: earlier run 2: '../x' is not the name of a run's folder");
}

TEST_CASE("plan: names and hashes are what they must be", "[experiments]") {
  CHECK(with("folder", "../x") == "plan.json: run 1: '../x' is not the name of a run's folder");
  CHECK(with("folder", ".hidden") != "no error");
  CHECK(with("arm", "a\033[2J") != "no error");
  CHECK(with("config_sha256", "abc") ==
        "plan.json: run 1: config_sha256 = abc: expected 64 hex digits");
  CHECK(with("data_sha256", std::string(64, 'g')) != "no error");
  CHECK(with("settings", {{"run", {"a", "b"}}}) == "plan.json: run 1: 'run' is no setting");
  CHECK(with("settings", {{"run.seed", {"1\n[x]", "b"}}}) != "no error");
  CHECK(with("settings", {{"run.seed", {1, "b"}}}) != "no error");

  Json json = good_plan();
  json["experiment"] = "../../x";
  CHECK(said_of(json) ==
        "plan.json: experiment = ../../x: expected a name of 1 to 64 letters, digits, '_', '-' and "
        "'.'");
  json = good_plan();
  json["runs"] = Json::array();
  CHECK(said_of(json) == "plan.json: a plan of no runs");
  json["runs"] = "none";
  CHECK(said_of(json) == "plan.json: a plan of no runs");
  json = good_plan();
  json["runs"].push_back(json["runs"][0]);
  CHECK(said_of(json) == "plan.json: two runs in one folder, soft-s0-00000000");
  json = good_plan();
  json["moesim_plan"] = 2;
  CHECK(said_of(json).starts_with("plan.json: a plan of format 2, which another version"));
  CHECK(said_of(Json::array()) ==
        "plan.json: damaged, or not a plan; run the config again to make a new one");
}

}  // namespace moesim::testing
