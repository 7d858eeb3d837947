// moesim verify: is everything on disk what was written?
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/runs.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/sha256.hpp"
#include "sim/record/axes.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Say = std::function<void(const std::string&)>;

void verify_digest(const RunFile& file, const std::string& path, const Say& problem) {
  if (file.text("sha256") != file.digest()) problem(path + ": damaged (its SHA-256)");
}

// The file opens, its records add up, and its config is the one that its checksum and config.ini
// say.
void verify_run_file(const std::string& folder, const Say& problem) {
  const std::string path = folder + "/run.h5";
  if (std::error_code error; !fs::exists(path, error) && !error) return;
  try {
    const RunFile file = read_run_file(path);
    check_conservation(file);
    verify_digest(file, path, problem);
    if (file.text("run_id") != fs::path(folder).filename())
      problem(path + ": belongs to the run " + config::printable(file.text("run_id")));
    const std::string config = file.text("config");
    if (sha256_hex(config.data(), config.size()) != file.text("config_sha256"))
      problem(path + ": its config is not the one of its checksum");
    if (read_file(folder + "/config.ini") != config)
      problem(folder + "/config.ini: not the config that run.h5 was made with");
  } catch (const Error& error) {
    const std::string what = error.what();
    problem(what.find(path) == std::string::npos ? path + ": " + what : what);
  }
}

// last: of a complete run. Its records are the run file, written a second time, and the manifest
// vouches for every byte of them.
void verify_checkpoint(const std::string& folder, index step, bool last, const Say& problem) {
  // One that is gone by now is no longer kept.
  const auto there = [&] {
    const std::vector<index> steps = checkpoint_steps(folder);
    return std::find(steps.begin(), steps.end(), step) != steps.end();
  };
  try {
    const Checkpoint checkpoint = read_checkpoint(folder, step);
    for (const auto& [name, bytes] :
         {std::pair(kWeightsFile, &checkpoint.weights), std::pair(kStateFile, &checkpoint.state)}) {
      try {
        read_safetensors(*bytes);
      } catch (const std::runtime_error& error) {
        problem(checkpoint.path + "/" + name + ": " + error.what());
      }
    }
    const RunFile records = read_run_file(checkpoint.records());
    verify_digest(records, checkpoint.records(), problem);
    if (const std::string published = folder + "/run.h5";
        last && records.text("status") == "complete" &&
        read_file(checkpoint.records()) != read_file(published))
      problem(published + ": damaged: not the bytes of " + checkpoint.records() +
              "; copy that file over it");
  } catch (const Error& error) {
    if (there()) problem(error.what());
  }
}

}  // namespace

int verify_command(const Words& words) {
  Arguments arguments(
      "verify PATH...",
      "Reads every byte of run files and checkpoints and says what is damaged. PATH "
      "is the folder of an experiment or of a run. Exit code 3 if anything is.");
  arguments.flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("verify what?");
  std::vector<std::string> problems;
  std::size_t runs = 0, checkpoints = 0;
  const Say problem = [&](const std::string& what) { problems.push_back(what); };
  for (const std::string& path : arguments.rest())
    for (const KnownRun& run : known_runs(path)) {
      std::error_code error;
      if (!fs::is_directory(run.folder, error)) continue;  // planned
      ++runs;
      const RunState state = state_of(run.folder);
      if (state.state == State::complete && run.steps > 0 && state.step != run.steps)
        problem(fmt::format("{}: complete with {} of {} steps", run.folder, state.step, run.steps));
      verify_run_file(run.folder, problem);
      const std::vector<index> steps = checkpoint_steps(run.folder);
      for (const index step : steps) {
        ++checkpoints;
        verify_checkpoint(run.folder, step, state.state == State::complete && step == steps.back(),
                          problem);
      }
    }
  if (arguments.has("json")) {
    std::cout << nlohmann::ordered_json(
                     {{"runs", runs}, {"checkpoints", checkpoints}, {"problems", problems}})
                     .dump(2)
              << '\n';
  } else {
    for (const std::string& what : problems) std::cout << what << '\n';
    std::cout << fmt::format(
        "{} runs, {} checkpoints: {}\n", runs, checkpoints,
        problems.empty() ? "all in order" : fmt::format("{} damaged", problems.size()));
  }
  return static_cast<int>(problems.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
