// StandardOutput is the buffer behind std::cout; it reports why a write failed.
#pragma once

#include <array>
#include <streambuf>

namespace moesim {

// Replaces std::cout's buffer during its lifetime. A closed reader (`moesim list options | head
// -1`) is no error: std::cout is then in a failed state, which long loops can check.
class StandardOutput : public std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // Flushes. Throws Exit::output if anything could not be written, unless the reader has closed.
  void finish();

 protected:
  int_type overflow(int_type next) override;
  int sync() override;

 private:
  std::streambuf* before_;
  std::array<char, 1 << 14> buffer_;
  int reason_ = 0;  // errno
};

}  // namespace moesim
