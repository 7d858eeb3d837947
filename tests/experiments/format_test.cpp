// Tests that analysis/FORMAT.md names exactly the attributes and variables that are written, in
// both directions, with runs of every kind of plan, data and setting.
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/train_run.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/text.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/io/file.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sentencepiece_model.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

// --- What the document says. ---

struct Said {
  std::string dims, type, units;
};
struct Document {
  std::map<std::string, std::string> attributes;  // types
  std::map<std::string, Said> variables;
};

Texts split(const std::string& text, const std::string& separator) {
  Texts parts;
  std::size_t from = 0;
  for (std::size_t to; (to = text.find(separator, from)) != text.npos; from = to + separator.size())
    parts.emplace_back(config::trimmed(text.substr(from, to - from)));
  parts.emplace_back(config::trimmed(text.substr(from)));
  return parts;
}

Texts in_ticks(const std::string& cell) {
  Texts names;
  const Texts parts = split(cell, "`");
  for (std::size_t i = 1; i < parts.size(); i += 2) names.push_back(parts[i]);
  return names;
}

Document read_document() {
  std::ifstream file(MOESIM_SOURCE_DIR "/analysis/FORMAT.md");
  REQUIRE(file);
  Document document;
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    if (!line.starts_with("| `")) continue;
    const Texts cells = split(line, "|");
    const Texts names = in_ticks(cells.at(1));
    if (section == "Attributes") {
      const Texts types = split(cells.at(2), ",");
      for (std::size_t i = 0; i < names.size(); ++i)
        document.attributes[names[i]] = types[std::min(i, types.size() - 1)];
    } else if (section == "Variables") {
      for (const std::string& name : names) {
        const bool both = cells.at(2).starts_with("…, ");
        const std::string rest = both ? cells.at(2).substr(std::string("…").size()) : cells.at(2);
        document.variables[name] = {(both ? "record" : "") + rest, cells.at(3), cells.at(4)};
        if (both) document.variables["eval_" + name] = {"eval" + rest, cells.at(3), cells.at(4)};
      }
    }
  }
  return document;
}

// --- What is written. ---

std::string type_of(const Attribute& attribute) {
  static const char* const kinds[] = {"text", "real", "integer"};
  return kinds[attribute.index()];
}

Said said_of(const Variable& variable) {
  static const char* const types[] = {"float32", "float64", "int32", "int64", "text", "uint8"};
  return {joined(variable.dims), types[static_cast<int>(variable.type)], variable.units};
}

RunSpec spec_of(const Texts& values) {
  const Texts defaults = {
      "run.steps",     "4", "data.length",    "8", "data.validation", "8",
      "model.width",   "8", "model.heads",    "1", "moe.experts",     "4",
      "expert.hidden", "8", "train.batch",    "4", "record.every",    "2",
      "eval.every",    "2", "eval.sequences", "4", "train.schedule",  "constant"};
  RunSpec spec;
  for (const Texts* list : {&defaults, &values})
    for (std::size_t i = 0; i < list->size(); i += 2)
      spec.settings.set((*list)[i], (*list)[i + 1], "test");
  if (!spec.settings.has("data.domains") && spec.settings.has("data.path"))
    spec.settings.unset("data.validation");
  spec.label = "arm";
  return spec;
}

// Trains as `moesim run` does, in `folder`. -> the run's own folder there
std::string trained(const TemporaryFolder& folder, const Texts& values,
                    const std::string& extends = {}) {
  DataCache cache;
  const Experiment e = build(spec_of(values), 1, cache, stand_in);
  PlannedRun run;
  run.spec = e.spec;
  run.folder = e.identity.folder;
  run.config_sha256 = e.identity.config_sha256, run.data_sha256 = e.identity.data_sha256;
  run.steps = e.trainer->steps();
  run.extends = extends;
  const Ending ending =
      train_run({.run = run, .folder = folder / run.folder, .prefix = {}, .threads = 1},
                [](const std::string&, bool) {});
  REQUIRE(ending.message.empty());
  return run.folder;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Routers of the test, in the registry while this lives.
class WithRouters {
 public:
  WithRouters();
  ~WithRouters() {
    for (const char* name : {"of_test_custom", "of_test_layers"}) Registry<Router>::remove(name);
  }
  WithRouters(const WithRouters&) = delete;
  WithRouters& operator=(const WithRouters&) = delete;
};

// A custom plan that reports a load, and a metric; the tokens stay as they are.
class CustomRouter : public Router {
 public:
  CustomRouter() { traits_.experts = 2; }
  Routing route(const Tokens& tokens) override {
    Routing routing;
    routing.plan = Custom{.apply = [](const Tensor& x, const Expert&) { return x; },
                          .load = {static_cast<double>(tokens.x.rows()), 0}};
    routing.metrics.push_back({"test", Tensor::full({1}, 1, tokens.x.backend())});
    return routing;
  }
};

// The second layer of a model whose other layers are that one. It has three experts, of which the
// last gets all tokens, and says that it sees the batch.
class LastExpert : public Router {
 public:
  LastExpert() {
    traits_.experts = 3;
    traits_.sees.other_sequences = true;
  }
  Routing route(const Tokens& tokens) override {
    const auto rows = static_cast<std::int32_t>(tokens.x.rows());
    const Indices offset = Indices::of({0, 0, 0, rows}, tokens.x.backend());
    return {.plan = Assignment{.experts = {offset, tokens.x.rows()}}};
  }
};

WithRouters::WithRouters() {
  Registry<Router>::add({"of_test_custom", "for tests",
                         [](const Site&, Options&) { return std::make_unique<CustomRouter>(); }});
  Registry<Router>::add(
      {"of_test_layers", "for tests", [](const Site& site, Options&) -> std::unique_ptr<Router> {
         if (site.layer != 1) return std::make_unique<CustomRouter>();
         return std::make_unique<LastExpert>();
       }});
}

bool has_sentencepiece(const std::string& model) {
  try {
    sentencepiece_tokenizer("model", model);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST_CASE("FORMAT.md: what is written, exactly", "[record][format]") {
  const Document document = read_document();
  REQUIRE(document.attributes.size() > 40);
  REQUIRE(document.variables.size() > 40);
  const WithRouters routers;
  const TemporaryFolder folder;

  // Text that looks like a table of numbers (data_note), and text of a tokenizer that may not know
  // all of it.
  std::string table, letters;
  for (int i = 0; i < 400; ++i) {
    table += fmt::format("{},{},{}\n", i % 7, i % 5, i % 3);
    letters += i % 3 == 0 ? "ab " : "ba a ";
  }
  write_file(folder / "table.txt", table);
  write_file(folder / "letters.txt", letters);
  write_file(folder / "letters.model", small_sentencepiece_model());
  const bool unknown = has_sentencepiece(small_sentencepiece_model());

  std::vector<std::string> runs;
  for (const char* router : {"token_choice", "soft", "smear", "of_test_custom", "of_test_layers"})
    runs.push_back(trained(folder, {"router.name", router, "data.domains", "2"}));
  runs.push_back(trained(folder, {"data.name", "text", "data.path", folder / "table.txt",
                                  "eval.from", "3", "eval.also", "dropless, training"}));
  runs.push_back(trained(
      folder, {"data.name", "text", "data.path",
               "a:" + (folder / "letters.txt") + ", b:" + (folder / "table.txt"), "data.document",
               "bytes:40", "data.duplicates", "0", "data.order", "similar"}));
  runs.push_back(trained(folder, {"data.domains", "2", "record.trace", "true", "record.trace_every",
                                  "1", "record.trace_bytes", "3000"}));
  runs.push_back(trained(folder,
                         {"router.name", "token_choice", "data.domains", "2", "run.steps", "6"},
                         runs.front()));
  runs.push_back(trained(folder, {"router.name", "dense"}));
  const std::string dense = folder / runs.back();
  runs.push_back(
      trained(folder, {"router.name", "token_choice", "init.from", dense, "init.method", "upcycle",
                       "init.position", "continue", "run.steps", "8", "distil.teacher", dense}));
  const std::string small = folder / "small";
  std::ostringstream printed;  // by the command
  std::streambuf* const out = std::cout.rdbuf(printed.rdbuf());
  const int code = transform_command(
      {folder / runs.front(), "quantise", "--bits", "4", "--out", small, "--threads", "1"});
  std::cout.rdbuf(out);
  CHECK(code == 0);
  for (const auto& entry : std::filesystem::directory_iterator(small))
    if (entry.is_directory()) runs.push_back("small/" + entry.path().filename().string());
  if (unknown)
    runs.push_back(
        trained(folder, {"data.name", "text", "data.path", folder / "letters.txt", "data.tokens",
                         "sentencepiece", "data.model", folder / "letters.model"}));

  std::set<std::string> attributes, variables;
  for (const std::string& run : runs) {
    CAPTURE(run);
    const RunFile file = read_run_file(folder / run + "/run.h5");
    for (const std::string& name : file.attribute_order()) {
      if (is_setting_name(name)) continue;
      CAPTURE(name);
      attributes.insert(name);
      const auto said = document.attributes.find(name);
      CHECK(said != document.attributes.end());
      if (said != document.attributes.end())
        CHECK(said->second == type_of(file.attributes().at(name)));
    }
    for (const Variable& variable : file.variables()) {
      CAPTURE(variable.name);
      // The family router_NAME, of which the test's router has one.
      std::string name = variable.name;
      if (name.ends_with("router_test")) name = name.substr(0, name.size() - 4) + "NAME";
      variables.insert(name);
      const auto said = document.variables.find(name);
      CHECK(said != document.variables.end());
      if (said == document.variables.end()) continue;
      const Said is = said_of(variable);
      CHECK(said->second.dims == is.dims);
      CHECK(said->second.type == is.type);
      CHECK(said->second.units == is.units);
      CHECK(!variable.long_name.empty());
    }
  }
  for (const auto& [name, type] : document.attributes) {
    CAPTURE(name);
    if (!unknown && name.starts_with("unknown_")) continue;
    if (name == "trace_gates") continue;  // of imported traces: tests/program/import_trace.py
    CHECK(attributes.contains(name));
  }
  if (!unknown) WARN("skipped: built without SentencePiece: the attributes unknown_*");
  for (const auto& [name, said] : document.variables) {
    CAPTURE(name);
    if (name == "trace_loss" || name.starts_with("trace_vocabulary"))
      continue;  // of moesim route: tests/program/traces.py
    if (name.starts_with("trace_map_") || name.starts_with("trace_merge_") ||
        name == "trace_dispatch" || name == "trace_combine")
      continue;  // the same of mixing and merging plans: tests/program/weights.py
    CHECK(variables.contains(name));
  }
}

TEST_CASE("attributes: of all layers, where these differ", "[record][format]") {
  const WithRouters routers;
  const TemporaryFolder folder;
  const std::string run =
      trained(folder, {"router.name", "of_test_layers", "data.domains", "2", "model.layers", "3"});
  const RunFile file = read_run_file(folder / run + "/run.h5");
  CHECK(file.text("sees") == "batch");
  CHECK(file.text("plan_kind") == "custom,assignment");
  CHECK(file.find("expert")->shape == std::vector<std::int64_t>{3});
  // 4 sequences of 8; two layers have two experts, and nothing is asked of a third.
  const std::vector<double> row = {32, 0, 0, 0, 0, 32, 32, 0, 0};
  const std::vector<double>& load = file.find("load")->values;
  CHECK(std::vector<double>(load.begin(), load.begin() + 9) == row);
  CHECK(file.find("eval_load")->values.size() == 3 * row.size());
  CHECK(file.find("dead_experts")->values[0] == 1);
  CHECK(file.find("dead_experts")->values[1] == 2);
  const Variable& metric = *file.find("router_test");
  CHECK(metric.values[0] == 1);
  CHECK(std::isnan(metric.values[1]));
}

}  // namespace
}  // namespace moesim::testing
