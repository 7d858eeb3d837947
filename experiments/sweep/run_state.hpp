// RunState is the status of a run, as derived from its folder.
#pragma once

#include "sim/core/types.hpp"
#include "sim/record/reader.hpp"

#include <string>

namespace moesim {

enum class State {
  planned,      // not begun
  made,         // by moesim transform, with a checkpoint at step 0; not trained
  running,      // a process holds the folder
  interrupted,  // stopped or killed; can be resumed from its newest checkpoint
  complete,
  diverged,
  failed,  // ended with an error
};
const char* to_string(State state);

struct RunState {
  State state = State::planned;
  index step = 0;   // completed steps, if known
  std::string why;  // reason if diverged or failed; holder if running; method if made
  std::string config_sha256, data_sha256;  // from its run file, "" without one
};

// The status of the run in `folder`.
RunState state_of(const std::string& folder);
// The same with a reader shared between runs.
RunState state_of(const std::string& folder, RunReader& reader);
// The same but ignoring the lock, for the process that holds it.
RunState recorded_state(const std::string& folder);
RunState recorded_state(const std::string& folder, RunReader& reader);

// The current status of a run, given its run file and the status recorded there (names of State): a
// recorded "running" becomes "interrupted" or "failed" if no process holds the folder.
std::string status_now(const std::string& run_file, const std::string& recorded);

// Writes why a run ended early to a note in its folder, for state_of, or removes the note. Failure
// to write the note is ignored.
void note_failure(const std::string& folder, const std::string& why);
void clear_failure(const std::string& folder);

}  // namespace moesim
