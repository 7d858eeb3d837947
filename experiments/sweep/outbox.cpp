#include "experiments/sweep/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace moesim {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + '\n';
}

}  // namespace

// Setting O_NONBLOCK is safe: no other process shares this end of the pipe.
Outbox::Outbox(int pipe, std::size_t most) : pipe_(pipe), most_(most) {
  if (const int flags = ::fcntl(pipe, F_GETFL); flags >= 0)
    ::fcntl(pipe, F_SETFL, flags | O_NONBLOCK);
}

void Outbox::keep(std::string line) {
  kept_.push_back(kKeep + one_line(std::move(line)));
  if (kept_.size() > most_) {
    kept_.pop_front();
    ++left_out_;
  }
  flush();
}

void Outbox::live(std::string line) {
  live_ = kLive + one_line(std::move(line));
  flush();
}

void Outbox::end(const std::string& line) {
  live_.clear();
  flush();
  compose();
  pending_ += kEnd + one_line(line);
  for (flush(); !pending_.empty() && !closed_; flush()) {
    pollfd ready{pipe_, POLLOUT, 0};
    ::poll(&ready, 1, -1);
  }
}

void Outbox::compose() {
  if (left_out_ > 0)
    pending_ +=
        fmt::format("{}({} lines were not read in time; log.txt has them)\n", kKeep, left_out_);
  for (const std::string& line : kept_) pending_ += line;
  pending_ += live_;
  left_out_ = 0;
  kept_.clear();
  live_.clear();
}

void Outbox::flush() {
  for (;;) {
    if (pending_.empty()) compose();
    if (pending_.empty() || closed_) return;
    const ssize_t count = ::write(pipe_, pending_.data(), pending_.size());
    if (count > 0) {
      pending_.erase(0, static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      closed_ = errno != EAGAIN;
      return;
    }
  }
}

}  // namespace moesim
