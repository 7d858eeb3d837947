// InputFile and read_file read files that other programs wrote: regular files only, up to a size
// limit. Every failure is one line of text and exit code 3.
#pragma once

#include "sim/core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// Unreadable is the error for a file that this process cannot read but that may be intact: the
// system refuses it (permissions, an I/O error, a dangling link), or another version of moesim
// wrote it. Such a file is neither removed nor overwritten. Other read errors mean damage.
class Unreadable : public Error {
 public:
  explicit Unreadable(const std::string& message, Exit code = Exit::data) : Error(code, message) {}
};

// Shortage is the error for a process that has run out of open files, processes or memory. The file
// that it tried to read is not at fault, and reading another one would fail too.
class Shortage : public Unreadable {
 public:
  explicit Shortage(const std::string& message) : Unreadable(message, Exit::internal) {}
};
// True if this errno means such a shortage.
bool is_shortage(int reason);
// Throws a Shortage for any errno: "cannot start a process: Too many open files; raise ...".
[[noreturn]] void fail_short(const std::string& what, int reason);

// The most bytes of files that a data set may load into memory.
inline constexpr std::uint64_t kMaxDataBytes = std::uint64_t{4} << 30;

// InputFile is an open, non-empty regular file. Opening never blocks: directories, FIFOs and
// devices are refused.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }
  // Reads `count` bytes at `offset`; throws Exit::data if the file is shorter. Thread-safe.
  void read_at(std::uint64_t offset, void* to, std::size_t count) const;
  int descriptor() const { return descriptor_; }
  int release();  // hands the descriptor to the caller, who closes it

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t bytes_ = 0;
};

// Returns the contents of a file of at most `limit` bytes.
std::string read_file(const std::string& path, std::uint64_t limit = kMaxDataBytes);
std::string contents_of(const InputFile& file, std::uint64_t limit = kMaxDataBytes);

// Returns ROOT/PATH; `path` itself if it is absolute or `root` is "".
std::string under_root(const std::string& root, const std::string& path);

// True if `name` contains a character of shell patterns.
bool is_pattern(const std::string& name);

// True if `name` is an existing file or folder, or a pattern that matches one. Here and below,
// relative names start from the folder `root`; "": the current directory.
bool names_files(const std::string& name, const std::string& root = "");

// Returns the files that `name` stands for, sorted by name, at least one: the file of exactly that
// name, the matches of a shell pattern, or the files of a folder that have one of `endings`. A file
// FILE.gz or FILE.zst counts too, unless FILE exists.
std::vector<std::string> match_files(const std::string& name, const std::string& root = "",
                                     const std::vector<std::string>& endings = {".txt"});

// Returns advice for a name that does not exist, such as "; a URL is not fetched: ..."; "" if the
// name shows no typical mistake.
std::string path_advice(const std::string& name);

}  // namespace moesim
