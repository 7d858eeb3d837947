#include "experiments/sweep/run_state.hpp"

#include "analysis/runs/dense_part.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/resolved.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/folder_lock.hpp"
#include "sim/io/publish.hpp"

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestNote = 1000;
constexpr std::uint64_t kMostNoteBytes = std::uint64_t{1} << 16;

// What moesim transform made, if this is such a run: "prune keep=4 score=usage".
std::string method_of(const RunFile& file) {
  if (file.text("made_from").empty()) return {};
  const auto values = config::resolved_values(file.text("config"));
  const auto made = values.find("run.made");
  return made == values.end() ? "" : made->second;
}

std::string note_path(const std::string& folder) { return folder + "/failure.txt"; }

std::string read_note(const std::string& folder) {
  try {
    const std::string text = read_file(note_path(folder), kMostNoteBytes);
    return config::printable(text.substr(0, text.find('\n')), kLongestNote);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

const char* to_string(State state) {
  static const char* const names[] = {"planned",  "made",     "running", "interrupted",
                                      "complete", "diverged", "failed"};
  return names[static_cast<std::size_t>(state)];
}

RunState recorded_state(const std::string& folder, RunReader& reader) {
  RunState result;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return result;
  std::string status, method;
  if (const std::string path = folder + "/run.h5"; fs::exists(path, error)) {
    result.state = State::interrupted;
    static const Excerpt excerpt{{"status", "config_sha256", "data_sha256", "made_from", "config"},
                                 {{"step", 1}}};
    try {
      const RunFile file = reader.read(path, excerpt);
      status = file.text("status");
      result.config_sha256 = file.text("config_sha256");
      result.data_sha256 = file.text("data_sha256");
      method = method_of(file);
      if (const Variable* step = file.find("step"); step != nullptr && !step->values.empty())
        result.step = static_cast<index>(step->values.back()) + 1;
    } catch (const Shortage&) {
      throw;  // a shortage is not a property of the run
    } catch (const Error& problem) {
      result.why = problem.what();
    }
  }
  if (const std::vector<index> steps = checkpoint_steps(folder); !steps.empty()) {
    result.state = State::interrupted;
    result.step = std::max(result.step, steps.back());
  }
  if (result.step == 0)
    if (const std::string dense = dense_folder(folder); is_dense_folder(dense))
      result.step = recorded_state(dense, reader).step;
  const std::string note = read_note(folder);
  if (status == "complete") {
    result.state = State::complete;
  } else if (status == "diverged") {
    result.state = State::diverged;
    result.why = note;
  } else if (!note.empty()) {
    result.state = State::failed;
    result.why = note;
  } else if (fs::exists(folder + "/config.ini", error)) {
    result.state = State::interrupted;
  }
  if (result.state == State::interrupted && result.step == 0 && !method.empty()) {
    result.state = State::made;
    result.why = "by moesim transform: " + method + "; not trained";
  }
  return result;
}

RunState recorded_state(const std::string& folder) {
  RunReader reader;
  return recorded_state(folder, reader);
}

RunState state_of(const std::string& folder) {
  RunReader reader;
  return state_of(folder, reader);
}

RunState state_of(const std::string& folder, RunReader& reader) {
  RunState result = recorded_state(folder, reader);
  if (const auto holder = lock_holder(folder)) {
    result.state = State::running;
    result.why = *holder;
  }
  return result;
}

std::string status_now(const std::string& run_file, const std::string& recorded) {
  if (recorded != to_string(State::running)) return recorded;
  const fs::path parent = fs::path(run_file).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  if (lock_holder(folder)) return recorded;
  return to_string(read_note(folder).empty() ? State::interrupted : State::failed);
}

void note_failure(const std::string& folder, const std::string& why) {
  try {
    publish_bytes(note_path(folder), config::printable(why, kLongestNote) + "\n");
  } catch (const Error&) {
    // Ignored: the disk may be full, which is a reason why runs fail.
  }
}

void clear_failure(const std::string& folder) {
  std::error_code ignored;
  fs::remove(note_path(folder), ignored);
}

}  // namespace moesim
