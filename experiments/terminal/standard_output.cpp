#include "experiments/terminal/standard_output.hpp"

#include "sim/core/error.hpp"

#include <cerrno>
#include <iostream>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace moesim {

StandardOutput::StandardOutput() : before_(std::cout.rdbuf(this)) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

StandardOutput::~StandardOutput() { std::cout.rdbuf(before_); }

StandardOutput::int_type StandardOutput::overflow(int_type next) {
  if (sync() != 0) return traits_type::eof();
  if (!traits_type::eq_int_type(next, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(next);
    pbump(1);
  }
  return traits_type::not_eof(next);
}

int StandardOutput::sync() {
  const char* at = pbase();
  while (at < pptr() && reason_ == 0) {
    const ssize_t count = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(pptr() - at));
    if (count >= 0) {
      at += count;
    } else if (errno == EAGAIN) {  // another process made the shared file non-blocking
      pollfd ready{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      reason_ = errno;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return reason_ == 0 ? 0 : -1;
}

void StandardOutput::finish() {
  std::cout.flush();
  if (reason_ == 0 || reason_ == EPIPE) return;
  fail(Exit::output, "standard output: cannot write all of the result: " +
                         std::generic_category().message(reason_));
}

}  // namespace moesim
