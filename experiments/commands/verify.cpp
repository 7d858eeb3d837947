// moesim verify: checks every byte of run files and checkpoints.
#include "analysis/runs/dense_part.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/runs.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/config/text.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/data/root.hpp"
#include "sim/data/stored.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/reader.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// The findings in order: problems, and notes. Unreadable files, and files that another program has
// rewritten, do not count as damaged.
struct Findings {
  std::vector<std::string> problems, notes;
  std::size_t unreadable = 0, changed = 0;

  // Name a file that several checkpoints share only once.
  void damaged(const std::string& what) {
    if (std::find(problems.begin(), problems.end(), what) == problems.end())
      problems.push_back(what);
  }
  void met(const Error& error, const std::string& message) {
    if (dynamic_cast<const Shortage*>(&error) != nullptr)
      throw;  // a shortage is not a property of the file
    if (dynamic_cast<const Unreadable*>(&error) == nullptr) return damaged(message);
    problems.push_back(message);
    ++unreadable;
  }
  void rewritten(const std::string& what) {
    problems.push_back(what);
    ++changed;
  }
  std::string summary() const {
    std::string text;
    const auto add = [&](std::size_t count, const char* what) {
      if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
    };
    add(problems.size() - unreadable - changed, "damaged");
    add(changed, "changed by another program");
    add(unreadable, "not readable");
    return text.empty() ? "all in order" : text;
  }
};

// Checks that the file is readable, that its records are consistent, and that its config matches
// its checksum and config.ini. Returns what it read; empty if it could not.
//
// If the digest of a rewritten file holds, its contents are unchanged: a note. If it does not, an
// intended change cannot be distinguished from damage: exit 3.
CheckedRun verify_run_file(const std::string& folder, RunReader& reader, Findings& findings) {
  const std::string path = folder + "/run.h5";
  if (std::error_code error; !fs::exists(path, error) && !error) return {};
  try {
    CheckedRun checked = reader.check(path);
    const RunFile& file = checked.attributes;
    if (!checked.rewritten_by.empty() && checked.digest_holds)
      findings.notes.push_back(
          fmt::format("{}: rewritten by another program ({}); what it says is what was recorded",
                      path, checked.rewritten_by));
    if (!checked.digest_holds)
      findings.rewritten(fmt::format(
          "{}: rewritten and changed by another program ({}): its SHA-256 no longer holds, its "
          "records add up; to have it as it was recorded, remove it and start the run again, which "
          "writes it again from the last checkpoint",
          path, checked.rewritten_by));
    // A link to a run may have another name.
    std::error_code error;
    const fs::path target = fs::canonical(folder, error);
    if (file.text("run_id") != fs::path(folder).filename() &&
        (error || file.text("run_id") != target.filename()))
      findings.damaged(path + ": belongs to the run " + config::printable(file.text("run_id")));
    const std::string config = file.text("config");
    if (sha256_hex(config.data(), config.size()) != file.text("config_sha256"))
      findings.damaged(path + ": its config is not the one of its checksum");
    if (without_root(read_file(folder + "/config.ini")) != config)
      findings.damaged(folder + "/config.ini: not the config that run.h5 was made with");
    return checked;
  } catch (const Error& error) {
    const std::string what = error.what();
    findings.met(error, what.find(path) == std::string::npos ? path + ": " + what : what);
  }
  return {};
}

// Checks a file that belongs to no run folder, such as a trace.
void verify_file(const std::string& path, RunReader& reader, Findings& findings) {
  try {
    const CheckedRun checked = reader.check(path);
    if (!checked.rewritten_by.empty()) {
      const std::string by =
          fmt::format("{}: rewritten by another program ({})", path, checked.rewritten_by);
      if (checked.digest_holds)
        findings.notes.push_back(by + "; what it says is what was recorded");
      else
        findings.rewritten(by + " and changed: its SHA-256 no longer holds");
    }
    const std::string config = checked.attributes.text("config");
    if (sha256_hex(config.data(), config.size()) != checked.attributes.text("config_sha256"))
      findings.damaged(path + ": its config is not the one of its checksum");
  } catch (const Error& error) {
    const std::string what = error.what();
    findings.met(error, what.find(path) == std::string::npos ? path + ": " + what : what);
  }
}

// The model of a run, without memory for its parameters, shared by all of its checkpoints.
struct Built {
  std::string data;  // bytes of the kDataFile with which it was built
  std::optional<Experiment> e;
};

// Builds the model for a checkpoint; reads the data if the checkpoint stores no data set. Null if
// the data are missing, or if the checkpoint has another number type than this program.
const Experiment* model_of(const std::string& folder, const Checkpoint& checkpoint, Built& built) {
  StoredRun run = read_stored_run(folder);
  if (run.config_sha256 != checkpoint.info.config_sha256)
    fail(Exit::data, checkpoint.path + "/manifest.json: of another config than config.ini");
  if (checkpoint.info.number != number_name()) return nullptr;
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

// Checks that the tensors fit the model of the run's config and that their values are finite.
void verify_tensors(const std::string& folder, const Checkpoint& checkpoint, Built& built,
                    Findings& findings) {
  const Experiment* const e = model_of(folder, checkpoint, built);
  for (const std::string& what : e ? problems_of(checkpoint, *e->trainer) : problems_of(checkpoint))
    findings.damaged(what);
}

// `last`: the last checkpoint of a complete run. Its manifest has the hash of the run file, which
// must match unless another program has rewritten the file. advice: what to do if it is damaged.
void verify_checkpoint(const std::string& folder, index step, bool last, const std::string& advice,
                       Built& built, Findings& findings) {
  // A checkpoint that has disappeared was pruned meanwhile.
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
        last && !sum.empty() && sha256_of_file(published) != sum)
      findings.damaged(published +
                       ": damaged: not what was published; remove it and start the run again, "
                       "which writes it again from " +
                       checkpoint.path);
  } catch (const Error& error) {
    const bool is_unreadable = dynamic_cast<const Unreadable*>(&error) != nullptr;
    if (there())
      findings.met(error, error.what() + (is_unreadable || advice.empty() ? "" : "; " + advice));
  }
}

// Returns true if a run cannot be trained without a checkpoint: its first weights, which moesim
// transform made, are in its checkpoints alone. One that extends another run has them there.
bool needs_checkpoint(const RunState& state, const RunFile& file) {
  const bool goes_on = state.state == State::made || state.state == State::interrupted ||
                       state.state == State::failed;
  return goes_on && !file.text("made_from").empty() && file.text("extended_from").empty();
}

// Checks a run file and all checkpoints of a run. -> the number of checkpoints
std::size_t verify_run(const KnownRun& run, RunReader& reader, Findings& findings) {
  const RunState state = state_of(run.folder, reader);
  if (state.state == State::complete && run.steps > 0 && state.step != run.steps)
    findings.damaged(
        fmt::format("{}: complete with {} of {} steps", run.folder, state.step, run.steps));
  const CheckedRun checked = verify_run_file(run.folder, reader, findings);
  const bool rewritten = !checked.rewritten_by.empty();
  const bool needed = needs_checkpoint(state, checked.attributes);
  try {
    require_checkpoints_listed(run.folder);
    if (needed && checkpoint_steps(run.folder).empty())
      findings.damaged(run.folder +
                       "/checkpoint: the checkpoint with the weights that moesim transform made is "
                       "gone; " +
                       kMakeAgain);
  } catch (const Unreadable& problem) {
    findings.met(problem, problem.what());
  }
  const std::vector<index> steps = checkpoint_steps(run.folder);
  Built built;
  for (const index step : steps)
    verify_checkpoint(run.folder, step,
                      state.state == State::complete && !rewritten && step == steps.back(),
                      needed && steps.size() == 1 ? kMakeAgain : "", built, findings);
  return steps.size();
}

}  // namespace

Arguments verify_arguments() {
  Arguments arguments(
      "verify PATH...",
      "Reads every byte of run files and checkpoints and reports what is damaged, changed by "
      "another program or unreadable. PATH is the folder of an experiment or of a run, or a single "
      "run file or trace. Exit code 3 if anything is. A run file that another program has saved "
      "again with the same contents is noted.");
  arguments.flag("json", "print one JSON document");
  return arguments;
}

int verify_command(const Words& words) {
  Arguments arguments = verify_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("verify what?");
  Findings findings;
  std::size_t runs = 0, checkpoints = 0;
  RunReader reader;
  std::vector<std::string> folders;
  std::set<std::string> verified;
  for (const std::string& path : arguments.rest()) {
    if (std::error_code error; path.ends_with(".h5") && fs::is_regular_file(path, error)) {
      ++runs;
      verify_file(path, reader, findings);
      continue;
    }
    folders.push_back(path);
    for (const KnownRun& run : known_runs(path)) {
      std::error_code error;
      verified.insert(run.folder);
      if (!fs::is_directory(run.folder, error)) {
        if (!fs::is_symlink(run.folder, error)) continue;  // a planned run
        const Unreadable lost(described(run.folder) + ": leads nowhere; is a disk not mounted?");
        findings.met(lost, lost.what());
        continue;
      }
      ++runs;
      checkpoints += verify_run(run, reader, findings);
      const std::string dense = dense_folder(run.folder);
      if (fs::is_directory(dense, error))
        checkpoints += verify_run({dense, "", -1, 0, false, false}, reader, findings);
    }
  }
  if (const std::string note = deeper_note(folders, verified, "verify"); !note.empty())
    std::cerr << "note: " << note << '\n';
  if (arguments.has("json")) {
    std::cout << nlohmann::ordered_json({{"runs", runs},
                                         {"checkpoints", checkpoints},
                                         {"problems", findings.problems},
                                         {"notes", findings.notes}})
                     .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
  } else {
    for (const std::string& what : findings.notes) std::cout << "note: " << what << '\n';
    for (const std::string& what : findings.problems) std::cout << what << '\n';
    std::cout << fmt::format("{}, {}: {}\n", counted(runs, "run"),
                             counted(checkpoints, "checkpoint"), findings.summary());
  }
  return static_cast<int>(findings.problems.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
