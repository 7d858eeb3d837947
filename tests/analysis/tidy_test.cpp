// Tests the tidy table: one row per recorded number.
#include "analysis/tables/tidy.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

namespace moesim::testing {
namespace {

using Type = Variable::Type;
using Lines = std::vector<std::string>;

// One step, one evaluation, one record; two layers, two experts, two domains, two auxiliary losses.
RunFile run_of(const std::string& arm, std::int64_t seed) {
  const auto texts = [](const std::string& name, std::vector<std::string> values) {
    Variable labels = variable(name, Type::text, {name}, {2}, {});
    labels.texts = std::move(values);
    return labels;
  };
  RunFile run;
  run.attribute("status", "complete");
  run.attribute("run_id", arm + std::to_string(seed));
  run.attribute("arm", arm);
  run.attribute("router", "hash");
  run.attribute("seed", seed);
  run.put(variable("step", Type::int64, {"step"}, {1}, {7}));
  run.put(variable("loss", Type::float64, {"step"}, {1}, {0.1}));
  run.put(texts("aux", {"balance", "a,b"}));
  run.put(variable("aux_loss", Type::float64, {"step", "aux"}, {1, 2}, {0.5, std::nan("")}));
  run.put(variable("eval_step", Type::int64, {"eval"}, {1}, {8}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {1}, {1e-9}));
  run.put(texts("domain", {"prose", "=code"}));
  run.put(variable("domain_targets", Type::int64, {"eval", "domain"}, {1, 2}, {100000, 0}));
  run.put(variable("layer", Type::int32, {"layer"}, {2}, {1, 3}));
  run.put(variable("record_step", Type::int64, {"record"}, {1}, {6}));
  run.put(variable("load_cv", Type::float32, {"record", "layer"}, {1, 2}, {0.1f, INFINITY}));
  run.put(variable("importance", Type::float64, {"record", "layer", "expert"}, {1, 2, 2},
                   {1, 2, 3, 4}));
  return run;
}

Lines lines_of(const std::vector<std::string>& paths, const TidyOptions& options = {}) {
  std::string text;
  write_tidy({.paths = paths}, options, [&](std::string_view piece) { text += piece; });
  Lines lines;
  for (std::size_t from = 0, to; (to = text.find("\r\n", from)) != text.npos; from = to + 2)
    lines.push_back(text.substr(from, to - from));
  return lines;
}

std::string rejection(const std::vector<std::string>& paths, const TidyOptions& options) {
  try {
    lines_of(paths, options);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    return error.what();
  }
  return "none";
}

TEST_CASE("tidy: traces are left out, unless they are selected", "[analysis][trace]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = run_of("hash", 3);
  run.publish(path);
  const Lines without = lines_of({path});
  run.put(variable("trace_step", Type::int64, {"trace"}, {1}, {6}));
  run.put(variable("trace_token", Type::int32, {"row"}, {3}, {0, 2, 1}));
  run.publish(path);
  CHECK(lines_of({path}) == without);
  CHECK(lines_of({path}, {.quantities = {"trace_token"}, .arms = {}}).size() == 4);
}

TEST_CASE("tidy: a row for every number, with its coordinates", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  run_of("hash", 3).publish(path);
  Lines lines = lines_of({path});
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.front() == "run,arm,seed,step,layer,expert,domain,quantity,value");
  lines.erase(lines.begin());
  std::sort(lines.begin(), lines.end());
  CHECK(lines ==
        Lines{"hash3,hash,3,6,1,,,load_cv,0.1", "hash3,hash,3,6,1,0,,importance,1",
              "hash3,hash,3,6,1,1,,importance,2", "hash3,hash,3,6,3,,,load_cv,inf",
              "hash3,hash,3,6,3,0,,importance,3", "hash3,hash,3,6,3,1,,importance,4",
              "hash3,hash,3,7,,,,\"aux_loss/a,b\",", "hash3,hash,3,7,,,,aux_loss/balance,0.5",
              "hash3,hash,3,7,,,,loss,0.1", "hash3,hash,3,8,,,'=code,domain_targets,0",
              "hash3,hash,3,8,,,,eval_loss,1e-09", "hash3,hash,3,8,,,prose,domain_targets,100000"});

  std::ostringstream stream;
  write_tidy({.paths = {path}}, stream);
  const std::string text = stream.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 13);
}

TEST_CASE("tidy: quantities and arms are chosen by name", "[analysis]") {
  const TemporaryFolder folder;
  Lines paths;
  for (const char* arm : {"a", "b"})
    for (const std::int64_t seed : {std::int64_t{0}, (std::int64_t{1} << 62) + 1}) {
      const std::string run = folder / (arm + std::to_string(seed));
      std::filesystem::create_directories(run);
      run_of(arm, seed).publish(run + "/run.h5");
      paths.push_back(run);
    }
  CHECK(lines_of(paths, {.quantities = {"loss"}, .arms = {"b"}}) ==
        Lines{"run,arm,seed,step,layer,expert,domain,quantity,value", "b0,b,0,7,,,,loss,0.1",
              "b4611686018427387905,b,4611686018427387905,7,,,,loss,0.1"});
  CHECK(lines_of(paths, {.quantities = {"domain_targets", "aux_loss"}, .arms = {}}).size() == 17);
  CHECK(rejection(paths, {.quantities = {"los"}, .arms = {}}) ==
        "no run has recorded numbers 'los': did you mean loss? analysis/FORMAT.md has the names");
  CHECK(rejection(paths, {.quantities = {"layer"}, .arms = {}}).starts_with("no run has recorded"));
  CHECK(rejection(paths, {.quantities = {}, .arms = {"c"}}).starts_with("no arm is named 'c'"));
}

TEST_CASE("tidy: two runs of one run_id go by their paths", "[analysis]") {
  const TemporaryFolder folder;
  for (const char* name : {"x", "y"}) {
    std::filesystem::create_directories(folder / name);
    run_of("a", 0).publish(folder / name + "/run.h5");
  }
  const Lines lines = lines_of({folder / ""}, {.quantities = {"loss"}, .arms = {}});
  CHECK(lines == Lines{lines.at(0), folder / "x/run.h5" + ",a,0,7,,,,loss,0.1",
                       folder / "y/run.h5" + ",a,0,7,,,,loss,0.1"});
}

TEST_CASE("tidy: a file that cannot be read is left out and named", "[analysis]") {
  const TemporaryFolder folder;
  for (const char* name : {"good", "bad"}) std::filesystem::create_directories(folder / name);
  run_of("a", 0).publish(folder / "good/run.h5");
  write_bytes(folder / "bad/run.h5", "no run file");
  Lines reasons;
  Request request{.paths = {folder / ""}};
  request.on_unreadable = [&](const std::string& why) { reasons.push_back(why); };
  std::string text;
  const Lines notes = write_tidy(request, {}, [&](std::string_view piece) { text += piece; });
  CHECK_THAT(text, contains("a0,a,0,7,,,,loss,0.1"));
  REQUIRE(reasons.size() == 1);
  CHECK_THAT(reasons[0], contains("bad/run.h5: not a readable run file"));
  CHECK(notes.size() == 1);
}

}  // namespace
}  // namespace moesim::testing
