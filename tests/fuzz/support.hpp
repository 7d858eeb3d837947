// Shared by the fuzz targets. A target accepts only the reader's documented error; a sanitizer's
// report, another exception or a failed expectation ends the process, and libFuzzer keeps the
// input.
#pragma once

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace moesim::fuzz {

inline void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "expectation broken: %s\n", what.c_str());
  std::abort();
}

// Calls `read`; false if it refused, with this exit code and one line that can be printed.
template <class Read>
bool accepts(Exit refusal, const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    expect(error.code() == refusal,
           "exit " + std::to_string(static_cast<int>(error.code())) + ": " + message);
    expect(!message.empty(), "an error says what is wrong");
    expect(config::find_foreign_byte(message) == std::string::npos,
           "an error is one line of text: " + config::printable(message, 500));
    return false;
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A regular file that is in memory only.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("input", 0)) { expect(file_ >= 0, "memfd_create"); }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // The path under which the process and its children find it.
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }
  void write(std::string_view bytes) {
    const bool written =
        ::ftruncate(file_, 0) == 0 &&
        ::pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    expect(written, "a file in memory can be written");
  }

 private:
  int file_;
};

}  // namespace moesim::fuzz
