// Display shows progress on stderr: permanent lines and, on a terminal, one live line per worker
// below them. It never blocks on a slow reader.
#pragma once

#include "experiments/terminal/error_stream.hpp"

#include <deque>
#include <string>
#include <vector>

namespace moesim {

class Display {
 public:
  explicit Display(std::size_t slots);
  ~Display();  // waits up to kLastPatience for a slow reader
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void keep(const std::string& line);                   // adds a permanent line
  void set(std::size_t slot, const std::string& line);  // sets a live line; "": removes it
  void summary(const std::string& line);                // sets the live line below the slots
  // Redraws. Never blocks: while stderr is full, permanent lines are queued (the last thousand),
  // and only the latest version of each live line is kept.
  void refresh();
  bool terminal() const { return terminal_; }

 private:
  std::string erasure();
  std::string kept();
  std::string drawing();

  bool terminal_, changed_ = false;
  std::vector<std::string> live_;  // the slots, then the summary
  std::deque<std::string> kept_;   // permanent lines not written yet
  std::size_t left_out_ = 0, drawn_ = 0;
  ErrorStream stream_;
};

}  // namespace moesim
