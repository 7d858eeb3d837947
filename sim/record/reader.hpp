// RunReader reads excerpts of many untrusted run files in a child process.
//
// HDF5 crashes on some files (isolate.hpp), and starting a process per file costs more than reading
// it. So one child reads many files in turn. When it dies or refuses a file, a new child replaces
// it and tries that file again, because an earlier file may have corrupted the old child's memory.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// Labels of a dimension (layers, experts, domains) that are read at most.
inline constexpr std::int64_t kMostLabels = 1 << 16;

// Excerpt selects the parts of a run file to read. It bounds memory and time, whatever the file
// declares.
struct Excerpt {
  std::vector<std::string> attributes;            // names to read; empty: all
  std::map<std::string, std::int64_t> last_rows;  // by variable: number of last rows to read at
                                                  // most; texts: all rows, or none if there are
                                                  // more
  // By variable: read the rows from this one on, instead of the last ones.
  std::map<std::string, std::int64_t> first_row = {};
};

// Reads a whole run file but its traces (variables trace_*), which may be long; otherwise like
// read_run_file.
RunFile read_run_file_but_traces(const std::string& path);

// CheckedRun is the result of reading every value of a file.
struct CheckedRun {
  RunFile attributes;
  // The library with which another program has rewritten the file; "": none detected.
  std::string rewritten_by = {};
  bool digest_holds = true;  // false only if another program has rewritten the file
};

class RunReader {
 public:
  RunReader() = default;
  ~RunReader() { end(); }
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  // Reads an excerpt. The first length of a variable is the number of rows read; missing attributes
  // and variables are left out. Throws Exit::data, one line with the path and the reason.
  RunFile read(const std::string& path, const Excerpt& excerpt);
  // Reads every value and checks the digest and conservation. Throws Exit::data.
  CheckedRun check(const std::string& path);

 private:
  std::string ask(const std::string& question);
  std::string ask_once(const std::string& question);
  void start();
  int end();  // ends the child and returns its status from waitpid

  int pid_ = 0, socket_ = -1;
};

}  // namespace moesim
