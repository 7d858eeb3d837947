// What became of a run, as its folder tells.
#pragma once

#include "sim/core/types.hpp"
#include "sim/record/reader.hpp"

#include <string>

namespace moesim {

enum class State {
  planned,      // nothing is there yet
  running,      // a process holds the folder
  interrupted,  // stopped or killed; it goes on from its newest checkpoint
  complete,
  diverged,
  failed,  // ended with an error
};
const char* to_string(State state);

struct RunState {
  State state = State::planned;
  index step = 0;                          // steps done, as far as the folder tells
  std::string why;                         // of diverged and failed; the holder of a running one
  std::string config_sha256, data_sha256;  // of its run file, "" if there is none
};

RunState state_of(const std::string& folder);
// With a reader that reads those of many.
RunState state_of(const std::string& folder, RunReader& reader);
// The same as if no process held the folder; for the one that does.
RunState recorded_state(const std::string& folder);
RunState recorded_state(const std::string& folder, RunReader& reader);

// The status of a run from the path of its run file and what is recorded there, in words of State:
// "running" is true only as long as a process holds the folder.
std::string status_now(const std::string& run_file, const std::string& recorded);

// Notes why a run ended early, for state_of, or takes the note back. A note that cannot be written
// is lost.
void note_failure(const std::string& folder, const std::string& why);
void clear_failure(const std::string& folder);

}  // namespace moesim
