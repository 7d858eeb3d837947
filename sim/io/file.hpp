// Files from outside: regular files only, never more than a limit; every failure is one line and
// exit 3.
#pragma once

#include "sim/core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// What this process cannot read, but may be whole: the system refuses it (permissions, an I/O
// error, a link that leads nowhere), or another version of moesim wrote it. It is neither removed
// nor overwritten. Other errors of reading are damage.
class Unreadable : public Error {
 public:
  explicit Unreadable(const std::string& message, Exit code = Exit::data) : Error(code, message) {}
};

// The system has no more open files, processes or memory for this process: nothing is wrong with
// what it wanted to read, and the next file would fare no better.
class Shortage : public Unreadable {
 public:
  explicit Shortage(const std::string& message) : Unreadable(message, Exit::internal) {}
};
bool is_shortage(int reason);  // an errno
// Throws a Shortage for any errno: "cannot start a process: Too many open files; raise ...".
[[noreturn]] void fail_short(const std::string& what, int reason);

// What a data set may bring into memory.
inline constexpr std::uint64_t kMaxDataBytes = std::uint64_t{4} << 30;

// An open regular file that is not empty. Opening never blocks: directories, FIFOs and devices are
// refused.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }
  // Reads so many bytes from that offset on; Exit::data if they are not there. Several threads may
  // read at once.
  void read_at(std::uint64_t offset, void* to, std::size_t count) const;
  int descriptor() const { return descriptor_; }
  int release();  // the descriptor, which the caller closes

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t bytes_ = 0;
};

// The contents of a file of at most `limit` bytes.
std::string read_file(const std::string& path, std::uint64_t limit = kMaxDataBytes);
std::string contents_of(const InputFile& file, std::uint64_t limit = kMaxDataBytes);

// The path as it is if it is absolute or there is no root.
std::string under_root(const std::string& root, const std::string& path);

// True if a name has a character of shell patterns.
bool is_pattern(const std::string& name);

// True if a file, a folder or a match of the pattern has that name. Relative names start from the
// folder `root`, here and below; "": the folder one stands in.
bool names_files(const std::string& name, const std::string& root = "");

// The files that a name stands for, sorted by name; at least one: a file of exactly that name, what
// a shell pattern matches, or of a folder all files with one of these endings, also with .gz or
// .zst behind it unless the file is there without.
std::vector<std::string> match_files(const std::string& name, const std::string& root = "",
                                     const std::vector<std::string>& endings = {".txt"});

// What to write instead of a name that is not there, "; a URL is not fetched, ..."; "" if the name
// says nothing about it.
std::string path_advice(const std::string& name);

}  // namespace moesim
