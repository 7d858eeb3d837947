// ErrorStream is a non-blocking writer to stderr: a stalled reader never stalls training.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace moesim {

class ErrorStream {
 public:
  ErrorStream();
  ~ErrorStream();
  ErrorStream(const ErrorStream&) = delete;
  ErrorStream& operator=(const ErrorStream&) = delete;

  void add(std::string_view text) { pending_ += text; }
  // Writes as much as stderr accepts in that time. True if nothing is left.
  bool flush(std::chrono::milliseconds patience);

 private:
  int file_;
  std::string pending_;
};

// Prints a final message as one line; gives up after kLastPatience. Names in it are what others gave:
// control characters, and bytes that are not UTF-8, become '?'.
void say_error(const std::string& line);

inline constexpr std::chrono::milliseconds kLastPatience{1000};

}  // namespace moesim
