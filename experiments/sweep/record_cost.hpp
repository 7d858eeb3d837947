// Computes the cost of a run's records: memory during the run, bytes on disk, time to compress.
#pragma once

#include "sim/record/run_file.hpp"

namespace moesim {

struct Experiment;

// The most memory that records take, however long the run: less than one block per variable.
double record_memory(const Experiment& experiment);

// RecordRows is the final number of rows along each growing dimension.
struct RecordRows {
  double steps = 0, records = 0, evaluations = 0;
  double traces = 0, rows = 0;  // traced steps, and their assignments
  double of(const Variable& variable) const;
};
RecordRows record_rows(const Experiment& experiment);

// Uncompressed bytes of all values.
double stored_bytes(const RunFile& file, const RecordRows& rows);
// Uncompressed bytes of the values outside finished blocks at the end.
double rest_bytes(const RunFile& file, const RecordRows& rows);

// Seconds that this machine needs to compress the rows outside finished blocks.
double seconds_to_compress(const RunFile& file);

}  // namespace moesim
