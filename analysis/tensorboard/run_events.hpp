// RunEvents reads a run file again and again while it grows, and finds the rows that are new.
//
// A row is a training step, an evaluation or a record of routing. Rows are appended; but a run that
// goes back to a checkpoint has fewer rows for a while, and then either the same ones again, or,
// where it went back because a loss was not finite, others. So a digest of the rows that were
// written is kept, not the rows.
#pragma once

#include "analysis/runs/read.hpp"
#include "analysis/tensorboard/event.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

// The rows of a run file that are new.
struct NewRows {
  // What became of the events of this run that were made before.
  enum class Change {
    none,      // they still hold
    replaced,  // the run is another one, or has other rows: begin again with another RunEvents
    moved,     // the run file was replaced while it was read: read again
  };
  struct Row {
    double step = 0;
    std::size_t stream = 0;         // steps, evaluations, records
    std::size_t row = 0, last = 0;  // its place from the first row, and from the last
  };

  Change change = Change::none;
  Run overview = {}, detail = {};  // what was read; `detail` has new rows alone
  std::vector<Row> rows = {};      // in the order of steps
  bool first = false;              // nothing was read before
  double begun = 0;                // when the run was created, in seconds since 1970
  std::size_t left_out = 0;        // the first new rows, where there are too many for one reading
};

class RunEvents {
 public:
  // Throws Exit::data if the file cannot be read.
  NewRows read(const std::string& path, RunReader& reader);

 private:
  std::array<std::size_t, 3> rows_{};       // read before: steps, evaluations, records
  std::array<std::uint64_t, 3> digests_{};  // of them
  std::string identity_;                    // of the run
};

// Calls `take` for the event of each row; where nothing was read before, texts about the run come
// first.
void each_event(const NewRows& fresh, const std::function<void(const Event&)>& take);

}  // namespace moesim
