// moesim verify: is everything on disk what was written?
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/runs.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/sha256.hpp"
#include "sim/record/reader.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Say = std::function<void(const std::string&)>;

// The file opens, its records add up, and its config is the one that its checksum and config.ini
// say.
void verify_run_file(const std::string& folder, RunReader& reader, const Say& problem) {
  const std::string path = folder + "/run.h5";
  if (std::error_code error; !fs::exists(path, error) && !error) return;
  try {
    const RunFile file = reader.check(path);
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

// Every byte of the file, which is read in slices.
std::string sum_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string slice(1 << 20, '\0');
  Sha256 sum;
  while (file.read(slice.data(), static_cast<std::streamsize>(slice.size())), file.gcount() > 0)
    sum.add({slice.data(), static_cast<std::size_t>(file.gcount())});
  return sum.hex();
}

// last: of a complete run. Its manifest vouches for every byte of the run file.
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
    read_records(folder, checkpoint);
    const std::string& sum = checkpoint.info.published_sha256;
    if (const std::string published = folder + "/run.h5";
        last && !sum.empty() && sum_of_file(published) != sum)
      problem(published +
              ": damaged: not what was published; remove it and start the run again, "
              "which writes it anew from " +
              checkpoint.path);
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
  RunReader reader;
  const Say problem = [&](const std::string& what) { problems.push_back(what); };
  for (const std::string& path : arguments.rest())
    for (const KnownRun& run : known_runs(path)) {
      std::error_code error;
      if (!fs::is_directory(run.folder, error)) continue;  // planned
      ++runs;
      const RunState state = state_of(run.folder, reader);
      if (state.state == State::complete && run.steps > 0 && state.step != run.steps)
        problem(fmt::format("{}: complete with {} of {} steps", run.folder, state.step, run.steps));
      verify_run_file(run.folder, reader, problem);
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
