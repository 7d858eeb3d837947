// moesim verify: is everything on disk what was written?
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/runs.hpp"
#include "experiments/stored_run.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/root.hpp"
#include "sim/data/sha256.hpp"
#include "sim/data/stored.hpp"
#include "sim/record/reader.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// What is wrong, in the order in which it was found. What cannot be read is not damaged.
struct Findings {
  std::vector<std::string> problems;
  std::size_t unreadable = 0;

  void damaged(const std::string& what) { problems.push_back(what); }
  void met(const Error& error, const std::string& message) {
    problems.push_back(message);
    if (dynamic_cast<const Unreadable*>(&error) != nullptr) ++unreadable;
  }
  std::string summary() const {
    if (problems.empty()) return "all in order";
    const std::size_t damage = problems.size() - unreadable;
    if (unreadable == 0) return fmt::format("{} damaged", damage);
    if (damage == 0) return fmt::format("{} not readable", unreadable);
    return fmt::format("{} damaged, {} not readable", damage, unreadable);
  }
};

// The file opens, its records add up, and its config is the one that its checksum and config.ini
// say.
void verify_run_file(const std::string& folder, RunReader& reader, Findings& findings) {
  const std::string path = folder + "/run.h5";
  if (std::error_code error; !fs::exists(path, error) && !error) return;
  try {
    const RunFile file = reader.check(path);
    if (file.text("run_id") != fs::path(folder).filename())
      findings.damaged(path + ": belongs to the run " + config::printable(file.text("run_id")));
    const std::string config = file.text("config");
    if (sha256_hex(config.data(), config.size()) != file.text("config_sha256"))
      findings.damaged(path + ": its config is not the one of its checksum");
    if (without_root(read_file(folder + "/config.ini")) != config)
      findings.damaged(folder + "/config.ini: not the config that run.h5 was made with");
  } catch (const Error& error) {
    const std::string what = error.what();
    findings.met(error, what.find(path) == std::string::npos ? path + ": " + what : what);
  }
}

// The model of a run, without memory for its parameters; built once for all of its checkpoints.
struct Built {
  std::string data;  // what it was built on: bytes of kDataFile
  std::optional<Experiment> e;
};

// Of a checkpoint that holds nothing of its data, the data is read. Null if that is gone, or if the
// checkpoint has another number type than this program.
const Experiment* model_of(const std::string& folder, const Checkpoint& checkpoint, Built& built) {
  StoredRun run = read_stored_run(folder);
  if (run.config_sha256 != checkpoint.info.config_sha256)
    fail(Exit::data, checkpoint.path + "/manifest.json: of another config than config.ini");
  if (checkpoint.info.number != kNumberName) return nullptr;
  const auto found = checkpoint.more.find(kDataFile);
  const std::string bytes = found == checkpoint.more.end() ? "" : found->second;
  if (built.e && built.data == bytes) return &*built.e;
  built.data = bytes;
  built.e.reset();
  if (const auto data = data_of(checkpoint)) {
    built.e.emplace(build_stored(std::move(run.spec), 0, data, stand_in));
    return &*built.e;
  }
  try {
    DataCache cache;
    built.e.emplace(build(std::move(run.spec), 0, cache, stand_in));
  } catch (const Error&) {
    return nullptr;
  }
  return &*built.e;
}

// Do its tensors fit the model of the run's config, and are their values finite?
void verify_tensors(const std::string& folder, const Checkpoint& checkpoint, Built& built,
                    Findings& findings) {
  const Experiment* const e = model_of(folder, checkpoint, built);
  for (const std::string& what : e ? problems_of(checkpoint, *e->trainer) : problems_of(checkpoint))
    findings.damaged(what);
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
void verify_checkpoint(const std::string& folder, index step, bool last, Built& built,
                       Findings& findings) {
  // One that is gone by now is no longer kept.
  const auto there = [&] {
    const std::vector<index> steps = checkpoint_steps(folder);
    return std::find(steps.begin(), steps.end(), step) != steps.end();
  };
  try {
    const Checkpoint checkpoint = read_checkpoint(folder, step);
    verify_tensors(folder, checkpoint, built, findings);
    read_records(folder, checkpoint);
    const std::string& sum = checkpoint.info.published_sha256;
    if (const std::string published = folder + "/run.h5";
        last && !sum.empty() && sum_of_file(published) != sum)
      findings.damaged(published +
                       ": damaged: not what was published; remove it and start the run again, "
                       "which writes it anew from " +
                       checkpoint.path);
  } catch (const Error& error) {
    if (there()) findings.met(error, error.what());
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
  Findings findings;
  std::size_t runs = 0, checkpoints = 0;
  RunReader reader;
  for (const std::string& path : arguments.rest())
    for (const KnownRun& run : known_runs(path)) {
      std::error_code error;
      if (!fs::is_directory(run.folder, error)) {
        if (!fs::is_symlink(run.folder, error)) continue;  // planned
        const Unreadable lost(described(run.folder) + ": leads nowhere; is a disk not mounted?");
        findings.met(lost, lost.what());
        continue;
      }
      ++runs;
      const RunState state = state_of(run.folder, reader);
      if (state.state == State::complete && run.steps > 0 && state.step != run.steps)
        findings.damaged(
            fmt::format("{}: complete with {} of {} steps", run.folder, state.step, run.steps));
      verify_run_file(run.folder, reader, findings);
      try {
        require_checkpoints_listed(run.folder);
      } catch (const Unreadable& problem) {
        findings.met(problem, problem.what());
      }
      const std::vector<index> steps = checkpoint_steps(run.folder);
      Built built;
      for (const index step : steps) {
        ++checkpoints;
        verify_checkpoint(run.folder, step, state.state == State::complete && step == steps.back(),
                          built, findings);
      }
    }
  if (arguments.has("json")) {
    std::cout << nlohmann::ordered_json({{"runs", runs},
                                         {"checkpoints", checkpoints},
                                         {"problems", findings.problems}})
                     .dump(2)
              << '\n';
  } else {
    for (const std::string& what : findings.problems) std::cout << what << '\n';
    std::cout << fmt::format("{} runs, {} checkpoints: {}\n", runs, checkpoints,
                             findings.summary());
  }
  return static_cast<int>(findings.problems.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
