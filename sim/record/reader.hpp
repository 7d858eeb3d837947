// Reads what is needed of many run files, which may come from anywhere.
//
// HDF5 does not survive every file (isolate.hpp), and to start a process for each costs more than
// to read it. So one child reads one file after the other. When it dies, or refuses a file, a new
// child takes its place; and as the file before may have been what damaged it, the refused one is
// tried again by a child that has read nothing else.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// What of a run file is read: memory and time are bounded by it, not by what the file declares.
struct Excerpt {
  std::vector<std::string> attributes;            // of these names; none: all
  std::map<std::string, std::int64_t> last_rows;  // of these variables, so many at the most;
                                                  // texts: all of them, or none if there are more
};

// What reading every value of a file has shown.
struct CheckedRun {
  RunFile attributes;
  // Another program that has rewritten the file, by its library; "": none has, as far as one sees.
  std::string rewritten_by = {};
  bool digest_holds = true;  // always, if no other program has rewritten the file
};

class RunReader {
 public:
  RunReader() = default;
  ~RunReader() { end(); }
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  // The first length of a variable is that of the rows that were read; what is not there is left
  // out. Throws Exit::data, one line with the path and the reason.
  RunFile read(const std::string& path, const Excerpt& excerpt);
  // Reads every value, and checks the digest and that records add up. Throws Exit::data.
  CheckedRun check(const std::string& path);

 private:
  std::string ask(const std::string& question);
  std::string ask_once(const std::string& question);
  void start();
  int end();  // the status of the child, as of waitpid

  int pid_ = 0, socket_ = -1;
};

}  // namespace moesim
