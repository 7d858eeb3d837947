// Files from outside: regular files only, never more than a limit; every failure is one line and
// exit 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

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

  std::uint64_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }
  int release();  // the descriptor, which the caller closes

 private:
  int descriptor_;
  std::uint64_t bytes_ = 0;
};

// The contents of a file of at most `limit` bytes.
std::string read_file(const std::string& path, std::uint64_t limit = kMaxDataBytes);

// The files that a shell pattern stands for, sorted by name; at least one.
std::vector<std::string> match_files(const std::string& pattern);

}  // namespace moesim
