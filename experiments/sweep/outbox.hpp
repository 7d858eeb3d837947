// What a worker tells its supervisor, through a pipe that the supervisor may have stopped reading:
// lines wait here, and the worker goes on.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

namespace moesim {

class Outbox {
 public:
  // Makes `pipe` non-blocking. Of the lines that are kept at most `most` wait.
  explicit Outbox(int pipe, std::size_t most = 1000);

  // Each sends what the pipe takes now. A live line replaces one that waits; of kept lines the
  // oldest are left out if there are too many, and their number is said.
  void keep(std::string line);
  void live(std::string line);
  // Sends everything that waits and then this line, however long the reader takes.
  void end(const std::string& line);

  // True once nobody can read any more.
  bool closed() const { return closed_; }

 private:
  void compose();
  void flush();

  int pipe_;
  std::size_t most_, left_out_ = 0;
  std::string pending_;  // whole lines, of the first maybe a rest
  std::deque<std::string> kept_;
  std::string live_;
  bool closed_ = false;
};

// The first character of a line says what it is: to be kept, live, or the worker's ending, whose
// exit code is the second character.
inline constexpr char kKeep = 'k', kLive = 'l', kEnd = 'e';

}  // namespace moesim
