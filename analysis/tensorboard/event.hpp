// Event is one entry of a TensorBoard event file.
//
// An event file is a sequence of records: the length of the data (8 bytes), the masked CRC-32C of
// these 8, the data, and its masked CRC-32C; all little-endian (TFRecord). The data is a message
// Event (tensorflow/core/util/event.proto and framework/summary.proto):
//
//   Event    1 wall_time double   2 step int64   3 file_version string   5 summary Summary
//            7 session_log SessionLog
//   Summary  1 value repeated Value
//   Value    1 tag string   2 simple_value float   8 tensor TensorProto   9 metadata
//   TensorProto      1 dtype (7: string)   2 tensor_shape   8 string_val
//   SummaryMetadata  1 plugin_data {1 plugin_name string}
//   SessionLog       1 status (1: start)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moesim {

struct Event {
  double wall_time = 0;  // seconds since 1970
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> scalars = {};     // by tag
  std::vector<std::pair<std::string, std::string>> texts = {};  // by tag; Markdown
};

// Returns the two records at the start of a file: its version and the start of a session. On the
// latter TensorBoard discards what it read from earlier files of the folder.
std::string beginning(double wall_time);
// Returns the record of an event.
std::string record_of(const Event& event);
// Returns a record with arbitrary data.
std::string framed(std::string_view data);

}  // namespace moesim
