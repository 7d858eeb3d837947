// What std::cout writes to: standard output, with the reason if it cannot.
#pragma once

#include <array>
#include <streambuf>

namespace moesim {

// Takes std::cout over while it lives. A reader that left (`moesim list options | head -1`) is no
// error: std::cout fails from then on, which loops that write much may look at.
class StandardOutput : public std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // Writes what is left. Throws Exit::output if not all could be written, unless nobody reads.
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
