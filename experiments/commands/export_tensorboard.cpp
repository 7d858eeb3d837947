#include "experiments/commands/export_tensorboard.hpp"

#include "analysis/tensorboard/export.hpp"
#include "experiments/commands/analysis_arguments.hpp"
#include "experiments/sweep/runs.hpp"
#include "experiments/sweep/signals.hpp"
#include "experiments/terminal/error_stream.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <thread>

namespace moesim {
namespace {

constexpr std::array<const char*, 16> kOfTables = {
    "table",       "format", "columns", "by",         "metric",   "layer", "window", "caption",
    "caption-tex", "label",  "width",   "standalone", "baseline", "at",    "target", "notes"};
constexpr const char* kFolder = "tensorboard";  // default of --out

// Sleeps; returns false as soon as a signal arrives.
bool wait_for(std::chrono::milliseconds time) {
  constexpr std::chrono::milliseconds kNap(100);
  for (; time.count() > 0 && !stop_requested(); time -= kNap)
    std::this_thread::sleep_for(std::min(time, kNap));
  return !stop_requested();
}

bool has_ended(State state) {
  return state == State::complete || state == State::diverged || state == State::failed;
}

// True while one of the paths has a planned run that has not ended.
bool awaits_more(const std::vector<std::string>& paths) {
  RunReader reader;
  const auto ignore = [](const std::string&) {};
  for (const std::string& path : paths) try {
      for (const KnownRun& run : known_runs(path, ignore))
        if (run.planned && !has_ended(state_of(run.folder, reader).state)) return true;
    } catch (const Error& problem) {
      if (problem.code() != Exit::data)
        throw;  // Exit::data: a run file, or a folder without a plan
    }
  return false;
}

}  // namespace

void add_tensorboard_arguments(Arguments& arguments) {
  arguments
      .value("to", "",
             "tensorboard: write event files instead of a table, one folder per run in --out "
             "(default: tensorboard); see them with tensorboard --logdir",
             Offer::one_of({kFolder}))
      .flag("follow",
            "tensorboard: keep running and add new records until all runs have ended or Ctrl-C")
      .value("interval", "5", "tensorboard: seconds between updates");
}

int export_to_tensorboard(const Arguments& arguments) {
  for (const char* option : kOfTables)
    if (arguments.given(option))
      fail(Exit::usage, std::string("command line: --to tensorboard takes no --") + option +
                            "; it takes --out, --arm, --all, --follow and --interval");
  AnalysisArguments chosen = analysis_arguments(arguments, "export what?");
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&status](const std::string& why) {
    say_error("moesim: " + why);
    status = Exit::data;
  };
  const double seconds = arguments.number("interval", 0.1, 86400);
  TensorboardOptions options{
      .folder = arguments.text("out"), .arms = chosen.arms, .follow = arguments.has("follow")};
  if (options.folder.empty()) options.folder = kFolder;
  options.wait = [seconds] {
    return wait_for(std::chrono::milliseconds(static_cast<std::int64_t>(1000 * seconds)));
  };
  options.awaits_more = [&chosen] { return awaits_more(chosen.request.paths); };
  options.warn = [](const std::string& line) { std::cerr << "moesim: note: " << line << '\n'; };
  if (options.follow) {
    catch_stop_signals();
    std::cerr << "moesim: following " << joined(chosen.request.paths) << "; Ctrl-C ends it\n";
  }
  const TensorboardExport done = export_tensorboard(chosen.request, options);
  std::cout << fmt::format("{} {} with {} new events; see them with: tensorboard --logdir {}\n",
                           done.runs, done.runs == 1 ? "run" : "runs", done.events,
                           config::printable(options.folder, std::string::npos / 2))
            << std::flush;
  return static_cast<int>(status);
}

}  // namespace moesim
