// TraceRecorder writes the traces of a run to the variables trace_* of its run file
// (analysis/FORMAT.md).
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/record/run_file.hpp"
#include "sim/record/trace_variables.hpp"
#include "sim/train/trace_monitor.hpp"

namespace moesim {

// TraceWriter appends traces to a file that has the same variables.
class TraceWriter {
 public:
  explicit TraceWriter(TraceSizes sizes) : sizes_(sizes) {}

  void declare(RunFile& file) const { declare_trace(file, sizes_); }
  // The most bytes that a trace takes in the file, before compression.
  std::int64_t bytes(const StepTrace& trace) const;
  double bytes_of(double rows) const;
  void append(RunFile& file, index step, const StepTrace& trace);
  // Continues a file.
  void restore(const RunFile& file);
  // Bytes of all traces so far, by the same measure.
  std::int64_t written() const { return written_; }

 private:
  std::int64_t bytes(index rows) const;
  void append_rows(RunFile& file, const std::vector<TraceRow>& rows) const;
  void describe(RunFile& file, const StepTrace& trace) const;

  TraceSizes sizes_;
  index next_ = 0;  // the next row
  std::int64_t written_ = 0;
};

class TraceRecorder {
 public:
  // Reads record.trace, record.trace_every and record.trace_bytes, and the length of the training.
  // every: record.every.
  TraceRecorder(Settings& settings, index every, TraceSizes sizes);

  void declare(RunFile& file) const {
    if (on_) writer_.declare(file);
  }
  // Steps between traced steps, 0: none; bytes of a trace of so many rows; record.trace_bytes.
  index every() const { return on_ ? every_ : 0; }
  double bytes(double rows) const { return writer_.bytes_of(rows); }
  std::int64_t most_bytes() const { return most_bytes_; }
  bool wants(index step) const { return on_ && !ended_ && step % every_ == 0; }
  // Appends a trace, unless it passes record.trace_bytes: tracing then ends.
  void append(RunFile& file, index step, const StepTrace& trace);
  void restore(const RunFile& file);

 private:
  bool on_ = false, ended_ = false;
  index every_ = 1;
  std::int64_t most_bytes_ = 0;
  TraceWriter writer_;
};

}  // namespace moesim
