// Finds run files and reads them.
#pragma once

#include "sim/record/reader.hpp"
#include "sim/record/run_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// Run is the content of one run file, as analysis/FORMAT.md describes it.
struct Run {
  std::string path;  // of the file
  RunFile file;

  double number(const std::string& name) const;  // an attribute; NaN if absent
  bool has(const std::string& name) const { return file.attributes().count(name) > 0; }

  // Returns a variable with exactly these dimensions, or null. Throws Exit::data if it has others.
  const Variable* variable(const std::string& name, const std::vector<std::string>& dims) const;
};

// Reads a whole run file. Throws Exit::data if it cannot be read, is not a run file, or follows a
// newer schema.
Run read_run(const std::string& path);
// The same without traces (variables trace_*), which may be long.
Run read_run_but_traces(const std::string& path);
// Reads the part of a run file that `excerpt` names.
Run read_run(const std::string& path, RunReader& reader, const Excerpt& excerpt);

// Returns the run files of each path, without duplicates. A path is a run file, a run folder (it
// holds run.h5) or an experiment folder (run folders at most three levels below, sorted). Throws
// Exit::data for a path without run files.
std::vector<std::string> find_runs(const std::vector<std::string>& paths);

// Returns the labels of the `count` layers of a variable: their block indices, else 0, 1, ….
std::vector<std::int64_t> layer_labels(const Run& run, std::size_t count);

}  // namespace moesim
