// moesim transform: makes another model of a run, as a new run.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/transform_methods.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void print(const Transformed& done, const std::string& made, const Json& report) {
  const OutputChange& change = done.change;
  std::cout << fmt::format("{}: {}\n", done.run, made);
  if (report.contains("kept"))
    for (std::size_t i = 0; i < report["kept"].size(); ++i)
      std::cout << fmt::format(
          "layer {}: keeps experts {}, which had {:.1f} % of the assignments\n", i,
          report["kept"][i].dump(), 100 * report["kept_usage"][i].get<double>());
  if (report.contains("groups"))
    for (std::size_t i = 0; i < report["groups"].size(); ++i)
      std::cout << fmt::format("layer {}: groups {}\n", i, report["groups"][i].dump());
  if (report.contains("experts"))
    for (std::size_t i = 0; i < report["experts"].size(); ++i)
      std::cout << fmt::format("layer {}: experts {} with gates {}\n", i,
                               report["experts"][i].dump(), report["gates"][i].dump());
  std::cout << fmt::format("parameters: {} -> {}\n", done.parameters_before, done.parameters_after);
  if (report.contains("bits"))
    std::cout << fmt::format(
        "experts: {:.3f} bits per weight with their grids; entropy of the codes {:.3f} bits; the "
        "model: {:.0f} -> {:.0f} bytes if packed (here values are de-quantised)\n",
        report["bits"].get<double>(), report["entropy"].get<double>(),
        report["bytes_before"].get<double>(), report["bytes_after"].get<double>());
  std::cout << fmt::format(
      "validation loss: {:.6f} -> {:.6f} ({:+.3g}); largest change of a logit {:.3g}; dropped "
      "assignments {:.3g} % -> {:.3g} %\n",
      change.before, change.after, change.after - change.before, change.logit,
      100 * done.dropped_before, 100 * done.dropped_after);
  if (report.contains("notes"))
    for (const Json& note : report["notes"])
      std::cout << fmt::format("note: {}\n", note.get<std::string>());
}

}  // namespace

Arguments transform_arguments() {
  Arguments arguments(
      "transform RUN prune|merge|quantise|extract|fold --out DIR [key=value ...]",
      "Makes another model of a run, as a new run at step 0 in DIR, and measures what changed: "
      "validation loss, logits, drops. RUN stays as it is. prune: keeps the experts of each layer "
      "that validation sequences, or with --calibration training sequences, use most. merge: "
      "replaces groups of similar experts by weighted "
      "means. quantise: rounds the matrices of experts to few values "
      "per row (to the nearest, or by GPTQ), and reports bits, entropy and bytes. extract: of a "
      "run that routes by task (router.name = task, or sentence by label), the experts of one task "
      "become a dense model. fold: adds the "
      "changes of low-rank adapters to their matrices, and leaves out [adapter] and [freeze]. "
      "moesim run DIR trains the new run; key=value are settings for that.");
  arguments.value("out", "", "folder of the new experiment; must not exist", Offer::file())
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value(
          "calibration", "",
          "the first N training sequences that run.seed draws in batches of 32: prune and merge "
          "count the use of experts in them, and not in the validation sequences of an evaluation "
          "(the default); gptq rounds by them (default 128)")
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("json", "print one JSON document");
  declare_transform_methods(arguments);
  return arguments;
}

int transform_command(const Words& words) {
  Arguments arguments = transform_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("transform which run?");
  const std::vector<std::string>& rest = arguments.rest();
  const std::string name = rest.size() < 2 ? "" : rest[1];
  Transformation what;
  what.from = fs::path(rest[0]).lexically_normal().string();
  what.checkpoint = arguments.text("checkpoint");
  what.out = arguments.text("out");
  while (what.out.size() > 1 && what.out.ends_with('/')) what.out.pop_back();
  if (!config::is_name(fs::path(what.out).filename().string()) && !what.out.empty())
    fail(Exit::usage,
         fmt::format("command line: --out {}: its last part names the experiment; use 1 to 64 "
                     "letters, digits, '_', '-' and '.'",
                     config::printable(what.out)));
  if (what.out.empty()) fail(Exit::usage, "command line: --out DIR: where to put the new run?");
  what.threads = chosen_threads(arguments.integer("threads", 0, kMostThreads));
  Json report = Json::object();  // not null: some methods report nothing
  for (std::size_t i = 2; i < rest.size(); ++i) {
    const std::size_t equals = rest[i].find('=');
    if (equals == 0 || equals == std::string::npos)
      fail(Exit::usage,
           fmt::format("command line: {}: write key=value", config::printable(rest[i])));
    what.settings.emplace_back(rest[i].substr(0, equals), rest[i].substr(equals + 1));
  }
  const TransformMethod method = transform_method(name, arguments, what, report);
  what.made = method.made;
  what.left_out = method.left_out;
  what.settings_of = method.settings_of, what.domain = method.domain;
  require_unset(what, method.settings);
  what.settings.insert(what.settings.begin(), method.settings.begin(), method.settings.end());
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
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  return 0;
}

}  // namespace moesim
