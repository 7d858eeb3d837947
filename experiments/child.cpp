#include "experiments/child.hpp"

#include "sim/core/error.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moesim {
namespace {

void write_all(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = write(descriptor, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the parent is gone
    done += static_cast<std::size_t>(n);
  }
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(descriptor, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

[[noreturn]] void run_child(const std::function<std::string()>& work, int out) {
  int code = 0;
  std::string text;
  try {
    text = work();
  } catch (const Error& error) {
    code = static_cast<int>(error.code());
    text = error.what();
  } catch (const std::exception& error) {
    code = static_cast<int>(Exit::internal);
    text = error.what();
  }
  write_all(out, text);
  _exit(code);  // no destructors of the parent's objects
}

}  // namespace

ChildResult in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0)
    fail(Exit::internal, std::string("cannot make a pipe: ") + std::strerror(errno));
  std::cout.flush();
  const pid_t child = fork();
  if (child < 0) fail(Exit::internal, std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    run_child(work, ends[1]);
  }
  close(ends[1]);
  ChildResult result;
  result.text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status))
    fail(Exit::internal, std::string("a child process died: ") + strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) fail(static_cast<Exit>(WEXITSTATUS(status)), result.text);
  result.peak_bytes = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  return result;
}

}  // namespace moesim
