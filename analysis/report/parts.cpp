#include "analysis/report/parts.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace moesim {
namespace {

// Serialises a part: the line, a newline, and the HTML.
std::string packed(const ReportPart& part) {
  std::string line = part.left_out;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line + '\n' + part.html;
}

ReportPart unpacked(const std::string& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  return {.html = bytes.substr(std::min(end + 1, bytes.size())), .left_out = bytes.substr(0, end)};
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

struct Worker {
  pid_t process = -1;
  int from = -1;  // read end of its pipe
  std::size_t part = 0;
  std::string bytes = {};
};

// Starts a child process; nothing if no process or pipe can be created.
std::optional<Worker> start(const std::function<ReportPart()>& make, std::size_t part) {
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  const pid_t process = ::fork();
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    bool good = false;
    try {
      good = write_all(ends[1], packed(make()));
    } catch (...) {  // the parent makes the part again and reports the error
    }
    ::_exit(good ? 0 : 1);
  }
  ::close(ends[1]);
  if (process > 0) return Worker{process, ends[0], part};
  ::close(ends[0]);
  return std::nullopt;
}

// Waits for a child; false if it failed.
bool ended_well(const Worker& worker) {
  ::close(worker.from);
  int status = 0;
  while (::waitpid(worker.process, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Reads available output of the workers. Removes and returns those that have closed their pipe.
std::vector<Worker> collect(std::vector<Worker>& workers) {
  std::vector<pollfd> files;
  for (const Worker& worker : workers) files.push_back({worker.from, POLLIN, 0});
  std::vector<Worker> done;
  if (::poll(files.data(), files.size(), -1) < 0) return done;
  for (std::size_t i = files.size(); i-- > 0;) {
    if (files[i].revents == 0) continue;
    char buffer[1 << 16];
    const ssize_t count = ::read(workers[i].from, buffer, sizeof buffer);
    if (count > 0) {
      workers[i].bytes.append(buffer, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      done.push_back(std::move(workers[i]));
      workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return done;
}

}  // namespace

std::vector<ReportPart> make_parts(const std::vector<std::function<ReportPart()>>& makers) {
  constexpr std::size_t kMostWorkers = 4;  // each holds one run and its results in memory
  const std::size_t at_once =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostWorkers);
  std::vector<std::optional<ReportPart>> parts(makers.size());
  std::vector<Worker> workers;
  std::size_t next = 0;
  while (next < makers.size() || !workers.empty()) {
    for (; next < makers.size() && workers.size() < at_once; ++next)
      if (auto worker = start(makers[next], next)) workers.push_back(std::move(*worker));
    if (workers.empty()) continue;
    for (const Worker& worker : collect(workers))
      if (ended_well(worker)) parts[worker.part] = unpacked(worker.bytes);
  }
  std::vector<ReportPart> all;
  for (std::size_t p = 0; p < makers.size(); ++p)
    all.push_back(parts[p] ? std::move(*parts[p]) : makers[p]());
  return all;
}

}  // namespace moesim
