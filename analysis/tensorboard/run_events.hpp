// RunEvents reads a growing run file repeatedly and finds the new rows.
//
// A row is a training step, an evaluation or a routing record. Rows are appended, except that a run
// which returns to a checkpoint has fewer rows for a while, and then writes either the same rows
// again or, after a non-finite loss, other ones. RunEvents keeps a digest of the rows already
// written to tell these cases apart.
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

// NewRows are the rows of a run file that were not read before.
struct NewRows {
  // Whether events made from earlier readings are still valid.
  enum class Change {
    none,      // still valid
    replaced,  // another run, or other rows: start again with a new RunEvents
    moved,     // the run file was replaced during reading: read again
  };
  struct Row {
    double step = 0;
    std::size_t stream = 0;         // steps, evaluations, records
    std::size_t row = 0, last = 0;  // index from the first row, and from the last
  };

  Change change = Change::none;
  Run overview = {}, detail = {};  // what was read; `detail` has only new rows
  std::vector<Row> rows = {};      // sorted by step
  bool first = false;              // this is the first reading
  double begun = 0;                // creation time of the run, in seconds since 1970
  std::size_t left_out = 0;        // new rows skipped because they exceed one reading
};

class RunEvents {
 public:
  // Reads the new rows. Throws Exit::data if the file cannot be read.
  NewRows read(const std::string& path, RunReader& reader);

 private:
  std::array<std::size_t, 3> rows_{};       // rows read so far: steps, evaluations, records
  std::array<std::uint64_t, 3> digests_{};  // of these rows
  std::string identity_;                    // of the run
};

// Calls `take` with the event of each row. On the first reading, texts about the run come first.
void each_event(const NewRows& fresh, const std::function<void(const Event&)>& take);

}  // namespace moesim
