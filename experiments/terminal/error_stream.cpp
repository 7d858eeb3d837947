#include "experiments/terminal/error_stream.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

// Opens stderr again, because O_NONBLOCK applies to the open file description, which other
// processes share. Some files cannot be reopened (sockets, other users' terminals); then poll() is
// used, after which a small write to a pipe blocks only if another process writes first. Regular
// files never block, and keep the shared descriptor for its shared position.
int own_descriptor() {
  struct stat status {};
  if (::fstat(STDERR_FILENO, &status) != 0 || S_ISREG(status.st_mode)) return STDERR_FILENO;
  const int own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return own < 0 ? STDERR_FILENO : own;
}

// The size of the next write: whole lines if they fit, so that other processes' lines do not split
// them.
std::string_view next_piece(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text;
  text = text.substr(0, PIPE_BUF);
  const std::size_t end = text.rfind('\n');
  return end == text.npos ? text : text.substr(0, end + 1);
}

}  // namespace

ErrorStream::ErrorStream() : file_(own_descriptor()) {}

ErrorStream::~ErrorStream() {
  if (file_ != STDERR_FILENO) ::close(file_);
}

bool ErrorStream::flush(std::chrono::milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (!pending_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd ready{file_, POLLOUT, 0};
    if (::poll(&ready, 1, std::max(0, static_cast<int>(left.count()))) > 0) {
      const std::string_view piece = next_piece(pending_);
      const ssize_t count = ::write(file_, piece.data(), piece.size());
      if (count > 0) {
        pending_.erase(0, static_cast<std::size_t>(count));
        continue;
      }
      if (count < 0 && errno != EINTR && errno != EAGAIN) {
        pending_.clear();  // the reader has closed stderr
        return true;
      }
    }
    if (left.count() <= 0) return false;
  }
  return true;
}

void say_error(const std::string& line) {
  ErrorStream stream;
  stream.add(config::printable(line, std::string::npos) + "\n");
  stream.flush(kLastPatience);
}

}  // namespace moesim
