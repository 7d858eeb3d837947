// Outbox sends a worker's lines to its supervisor through a pipe without ever blocking: if the
// supervisor does not read, lines are queued.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

namespace moesim {

class Outbox {
 public:
  // Makes `pipe` non-blocking. Queues at most `most` kept lines.
  explicit Outbox(int pipe, std::size_t most = 1000);

  // Both send as much as the pipe accepts now. A live line replaces a queued one. If too many kept
  // lines are queued, the oldest are dropped and their number is reported.
  void keep(std::string line);
  void live(std::string line);
  // Sends everything queued and then this line; blocks until it is read.
  void end(const std::string& line);

  // True once the read end is closed.
  bool closed() const { return closed_; }

 private:
  void compose();
  void flush();

  int pipe_;
  std::size_t most_, left_out_ = 0;
  std::string pending_;  // complete lines; the first may be partly sent
  std::deque<std::string> kept_;
  std::string live_;
  bool closed_ = false;
};

// The protocol: the first character of a line is its kind: kept, live, or the worker's ending,
// whose exit code is the second character.
inline constexpr char kKeep = 'k', kLive = 'l', kEnd = 'e';

}  // namespace moesim
