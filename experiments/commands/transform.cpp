// moesim transform: makes a smaller model of a run, as a new run.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/transformed_run.hpp"
#include "sim/config/names.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/transform/prune.hpp"
#include "sim/transform/quantise.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr Named<Pruning::Score> kScores[] = {{"usage", Pruning::Score::usage},
                                             {"importance", Pruning::Score::importance},
                                             {"random", Pruning::Score::random}};

// Method is a transformation: its name, its options, and how the tensors are made. Further results go
// to `report`.
struct Method {
  std::string made;
  std::vector<std::pair<std::string, std::string>> settings;
  MakeTensors make;
};

Method prune_method(const Arguments& arguments, Json& report) {
  if (!arguments.given("keep"))
    fail(Exit::usage, "command line: prune: how many experts of a layer stay? --keep N");
  Pruning how{.keep = arguments.integer("keep", 1, 1 << 24)};
  const std::string score = arguments.text("score");
  const std::vector<std::string> names = all_names<Pruning::Score>(kScores);
  if (std::find(names.begin(), names.end(), score) == names.end())
    fail(Exit::usage, fmt::format("command line: --score {}: choose one of {}",
                                  config::printable(score), joined(names)));
  how.score = value_of<Pruning::Score>(kScores, score);
  const auto seed =
      static_cast<std::uint64_t>(arguments.integer("seed", 0, std::numeric_limits<long>::max()));
  const auto make = [how, seed, &report](Experiment& source, Experiment& made, RunFile&) {
    require_prunable(*source.model);
    const index experts = source.model->config().experts;
    if (how.keep > experts)
      fail(Exit::usage, fmt::format("command line: --keep {}: the run has {} experts per layer",
                                    how.keep, experts));
    Settings settings = made.spec.settings;
    const Evaluator evaluator(settings, *made.data, *made.task, *source.model, *source.backend,
                              made.run.seed);
    const std::vector<LayerStatistics> use = evaluator.run(0, [] { return false; })->layers;
    const auto kept = kept_experts(how, use, seed);
    report["kept"] = kept;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      double demand = 0;
      for (const index e : kept[i]) demand += use[i].demand[static_cast<std::size_t>(e)];
      report["kept_usage"].push_back(demand / std::max(use[i].assignments, 1.0));
    }
    return prune_experts(host_tensors(source.trainer->weights()), *source.model, kept,
                         made.trainer->weights());
  };
  return {fmt::format("prune keep={} score={}{}", how.keep, score,
                      how.score == Pruning::Score::random ? fmt::format(" seed={}", seed) : ""),
          {{"moe.experts", std::to_string(how.keep)}},
          make};
}

Method quantise_method(const Arguments& arguments, Json& report) {
  if (!arguments.given("bits"))
    fail(Exit::usage, "command line: quantise: to how many bits? --bits 8, 4, 3, 2 or ternary");
  const bool ternary = arguments.text("bits") == "ternary";
  const Quantisation how{.bits = ternary ? 0 : static_cast<int>(arguments.integer("bits", 1, 16)),
                         .group = arguments.integer("group", 0, 1 << 24)};
  const auto make = [how, &report](Experiment& source, Experiment&, RunFile& file) {
    HostTensors tensors = host_tensors(source.trainer->weights());
    const QuantisedSize size = quantise_experts(how, tensors, *source.model);
    report["bits"] = size.bits, report["entropy"] = size.entropy;
    report["bytes_before"] = size.bytes_before, report["bytes_after"] = size.bytes_after;
    file.attribute("transform_bits", size.bits);
    file.attribute("transform_entropy", size.entropy);
    file.attribute("transform_bytes_before", size.bytes_before);
    file.attribute("transform_bytes_after", size.bytes_after);
    return tensors;
  };
  return {fmt::format("quantise bits={}{}", arguments.text("bits"),
                      how.group > 0 ? fmt::format(" group={}", how.group) : ""),
          {},
          make};
}

// Options of one method are an error with another.
void require_options_of(const Arguments& arguments, const std::string& method) {
  for (const auto& [option, owner] : {std::pair("keep", "prune"),
                                      {"score", "prune"},
                                      {"seed", "prune"},
                                      {"bits", "quantise"},
                                      {"group", "quantise"}})
    if (arguments.given(option) && method != owner)
      fail(Exit::usage,
           fmt::format("command line: --{} is an option of {}, not of {}", option, owner, method));
}

void print(const Transformed& done, const std::string& made, const Json& report) {
  const OutputChange& change = done.change;
  std::cout << fmt::format("{}: {}\n", done.run, made);
  if (report.contains("kept"))
    for (std::size_t i = 0; i < report["kept"].size(); ++i)
      std::cout << fmt::format(
          "layer {}: keeps experts {}, which had {:.1f} % of the assignments\n", i,
          report["kept"][i].dump(), 100 * report["kept_usage"][i].get<double>());
  std::cout << fmt::format("parameters: {} -> {}\n", done.parameters_before, done.parameters_after);
  if (report.contains("bits"))
    std::cout << fmt::format(
        "experts: {:.3f} bits per weight with their grids; entropy of the codes {:.3f} bits; the "
        "model: {:.0f} -> {:.0f} bytes if packed (here values are de-quantised)\n",
        report["bits"].get<double>(), report["entropy"].get<double>(),
        report["bytes_before"].get<double>(), report["bytes_after"].get<double>());
  std::cout << fmt::format(
      "validation loss: {:.6f} -> {:.6f} ({:+.3g}); largest change of a logit {:.3g}; tokens with "
      "dropped choices {:.3g} % -> {:.3g} %\n",
      change.before, change.after, change.after - change.before, change.logit,
      100 * done.dropped_before, 100 * done.dropped_after);
}

}  // namespace

Arguments transform_arguments() {
  Arguments arguments(
      "transform RUN prune|quantise --out DIR [key=value ...]",
      "Makes a smaller model of a run, as a new run at step 0 in DIR, and measures what changed: "
      "validation loss, logits, drops. RUN stays as it is. prune: keeps the experts of each layer "
      "that validation sequences use most. quantise: rounds the matrices of experts to few values "
      "per row (round to nearest), and reports bits, entropy and bytes. moesim run DIR trains the "
      "new run; key=value are settings for that.");
  arguments.value("out", "", "folder of the new experiment; must not exist", Offer::file())
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("json", "print one JSON document");
  arguments.group("prune")
      .value("keep", "", "experts per layer to keep")
      .value(
          "score", "usage",
          "keep those with the most assignments before drops, with the largest sum of gates after "
          "drops, or random ones",
          {all_names<Pruning::Score>(kScores)})
      .value("seed", "0", "seed of random scores");
  arguments.group("quantise")
      .value("bits", "", "bits per weight from 1 to 16, or ternary",
             {{"8", "4", "3", "2", "ternary"}})
      .value("group", "0", "weights that share a grid; 0: all into one output unit");
  return arguments;
}

int transform_command(const Words& words) {
  Arguments arguments = transform_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("transform which run?");
  const std::vector<std::string>& rest = arguments.rest();
  const std::string name = rest.size() < 2 ? "" : rest[1];
  if (name != "prune" && name != "quantise")
    fail(Exit::usage, fmt::format("command line: transform RUN what{}? choose prune or quantise",
                                  name.empty() ? "" : ", not " + config::printable(name)));
  require_options_of(arguments, name);
  Transformation what;
  what.from = fs::path(rest[0]).lexically_normal().string();
  what.checkpoint = arguments.text("checkpoint");
  what.out = arguments.text("out");
  while (what.out.size() > 1 && what.out.ends_with('/')) what.out.pop_back();
  if (what.out.empty()) fail(Exit::usage, "command line: --out DIR: where to put the new run?");
  what.threads = chosen_threads(arguments.integer("threads", 0, kMostThreads));
  Json report;
  const Method method =
      name == "prune" ? prune_method(arguments, report) : quantise_method(arguments, report);
  what.made = method.made;
  what.settings = method.settings;
  for (std::size_t i = 2; i < rest.size(); ++i) {
    const std::size_t equals = rest[i].find('=');
    if (equals == 0 || equals == std::string::npos)
      fail(Exit::usage,
           fmt::format("command line: {}: write key=value", config::printable(rest[i])));
    what.settings.emplace_back(rest[i].substr(0, equals), rest[i].substr(equals + 1));
  }
  const Transformed done = transform_run(what, method.make);
  if (!arguments.has("json")) {
    print(done, method.made, report);
    return 0;
  }
  Json json = {{"run", done.run},
               {"made", method.made},
               {"from", what.from},
               {"from_step", done.step},
               {"parameters_before", done.parameters_before},
               {"parameters_after", done.parameters_after},
               {"loss_before", done.change.before},
               {"loss_after", done.change.after},
               {"logit_change", done.change.logit},
               {"dropped_before", done.dropped_before},
               {"dropped_after", done.dropped_after}};
  json.update(report);
  std::cout << json.dump(2) << '\n';
  return 0;
}

}  // namespace moesim
