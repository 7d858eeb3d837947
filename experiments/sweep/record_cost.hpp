// What records take: memory while a run goes on, bytes on disk, and the time to compress them.
#pragma once

#include "sim/record/run_file.hpp"

namespace moesim {

struct Experiment;

// Bytes of memory for records at the most, however long the run is: of every variable the rows that
// do not fill a block yet.
double record_memory(const Experiment& experiment);

// How many rows a run has in the end, by its dimensions that grow.
struct RecordRows {
  double steps = 0, records = 0, evaluations = 0;
  double of(const Variable& variable) const;
};
RecordRows record_rows(const Experiment& experiment);

// Bytes of all values as they are stored, before they are compressed.
double stored_bytes(const RunFile& file, const RecordRows& rows);
// Of those that are in no finished block in the end.
double rest_bytes(const RunFile& file, const RecordRows& rows);

// Seconds that this machine takes to compress the rows that are in no block yet.
double seconds_to_compress(const RunFile& file);

}  // namespace moesim
