// Finds and opens run files.
#pragma once

#include "sim/record/reader.hpp"
#include "sim/record/run_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// The contents of one run file, as analysis/FORMAT.md describes them.
struct Run {
  std::string path;  // of the file
  RunFile file;

  double number(const std::string& name) const;  // an attribute; NaN if absent
  bool has(const std::string& name) const { return file.attributes().count(name) > 0; }

  // A variable with exactly these dimensions, or null. Throws Exit::data if it has others.
  const Variable* variable(const std::string& name, const std::vector<std::string>& dims) const;
};

// Throws Exit::data if `path` cannot be read, is no run file, or follows a newer schema.
Run read_run(const std::string& path);
// The same of a part of it.
Run read_run(const std::string& path, RunReader& reader, const Excerpt& excerpt);

// The run files of each path: a run file, a run folder (it holds run.h5) or an experiment folder
// (run folders, at most three levels below, sorted). Each file once. Throws Exit::data for a path
// that holds none.
std::vector<std::string> find_runs(const std::vector<std::string>& paths);

// What the `count` layers of a variable are called: the indices of their blocks, else 0, 1, ….
std::vector<std::int64_t> layer_labels(const Run& run, std::size_t count);

}  // namespace moesim
