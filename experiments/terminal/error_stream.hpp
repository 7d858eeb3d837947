// Non-blocking writer to stderr: a reader that stopped reading never stalls training.
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
  // Writes what stderr takes in that time. True if nothing is left.
  bool flush(std::chrono::milliseconds patience);

 private:
  int file_;
  std::string pending_;
};

// A last word: lost if nobody reads it soon.
void say_error(const std::string& line);

inline constexpr std::chrono::milliseconds kLastPatience{1000};

}  // namespace moesim
