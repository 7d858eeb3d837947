// Lines on stderr: those that stay, and below them, on a terminal, one per worker that is
// rewritten. Nothing here waits for a reader.
#pragma once

#include "experiments/terminal/error_stream.hpp"

#include <deque>
#include <string>
#include <vector>

namespace moesim {

class Display {
 public:
  explicit Display(std::size_t slots);
  ~Display();  // waits a moment for whoever reads slowly
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void keep(const std::string& line);
  void set(std::size_t slot, const std::string& line);  // "": nothing
  void summary(const std::string& line);
  // Redraws. Never blocks: while stderr is full, lines that stay are queued (the last thousand),
  // and of those that change only the latest is kept.
  void refresh();
  bool terminal() const { return terminal_; }

 private:
  std::string erasure();
  std::string kept();
  std::string drawing();

  bool terminal_, changed_ = false;
  std::vector<std::string> live_;  // the slots, then the summary
  std::deque<std::string> kept_;   // not written yet
  std::size_t left_out_ = 0, drawn_ = 0;
  ErrorStream stream_;
};

}  // namespace moesim
