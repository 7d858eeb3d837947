#include "experiments/sweep/supervisor.hpp"

#include "experiments/sweep/last_words.hpp"
#include "experiments/sweep/outbox.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/signals.hpp"
#include "experiments/terminal/display.hpp"
#include "sim/io/fork.hpp"
#include "sim/io/missing_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

constexpr int kKilledByInterrupt = 130;  // as shells report it

struct Worker {
  Child child;
  std::size_t job = 0, slot = 0;
  std::string unread;  // beginning of an incomplete line
  bool ended = false;
};

void work_in_child(const Job& job, bool live, int pipe, pid_t parent) {
  hold_stop_signals();
  // The system signals the worker when its supervisor dies.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  Outbox outbox(pipe);
  const auto say = [&](const std::string& line, bool keep) {
    if (keep)
      outbox.keep(line);
    else if (live)
      outbox.live(line);
    // On systems without that signal, the closed pipe shows the supervisor's death.
    if (outbox.closed()) ::raise(SIGTERM);
  };
  if (::getppid() != parent) ::raise(SIGTERM);
  send_warnings([&](const std::string& line) { say(job.prefix + "  " + line, true); });
  const Ending ending = job.work(say);
  outbox.end(static_cast<char>('0' + static_cast<int>(ending.code)) + ending.message);
}

class Supervisor {
 public:
  Supervisor(const std::vector<Job>& jobs, std::size_t most)
      : jobs_(jobs),
        at_once_(most),
        display_(most),
        endings_(jobs.size(), {Exit::interrupted, "not begun"}) {
    send_warnings([this](const std::string& line) { display_.keep(line); });
  }
  ~Supervisor() { send_warnings({}); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::vector<Ending> run() {
    for (;;) {
      while (may_begin()) begin();
      if (workers_.empty()) return endings_;
      wait();
      if (stop_at_once()) abandon();
      if (stop_requested() && !passed_on_) {
        passed_on_ = true;
        for (const Worker& worker : workers_) ::kill(worker.child.pid, SIGTERM);
      }
    }
  }

 private:
  bool may_begin() const {
    return next_ < jobs_.size() && workers_.size() < at_once_ && !disk_full_ && !stop_requested();
  }

  [[noreturn]] void abandon() {
    for (const Worker& worker : workers_) ::kill(worker.child.pid, SIGKILL);
    ::_exit(kKilledByInterrupt);
  }

  void begin() {
    Worker worker;
    worker.job = next_++;
    for (const Worker& other : workers_)
      if (other.slot == worker.slot) ++worker.slot;  // workers_ is in order of slots
    const pid_t parent = ::getpid();
    try {
      worker.child = fork_child([&](int pipe) {
        for (const Worker& other : workers_) ::close(other.child.pipe);
        work_in_child(jobs_[worker.job], display_.terminal(), pipe, parent);
      });
    } catch (const std::system_error& problem) {
      cannot_begin(worker.job, problem.code().message());
      return;
    }
    workers_.push_back(std::move(worker));
    std::sort(workers_.begin(), workers_.end(),
              [](const Worker& a, const Worker& b) { return a.slot < b.slot; });
  }

  // If other workers are running, this job waits until one of them has ended.
  void cannot_begin(std::size_t job, const std::string& why) {
    if (workers_.empty()) {
      end(job, {Exit::internal, "cannot start a process: " + why});
      return;
    }
    next_ = job;
    at_once_ = workers_.size();
    warn_missing(Service::processes, fmt::format("no more than {} runs at once: {}; the others "
                                                 "wait (ulimit -n, -u)",
                                                 at_once_, why));
  }

  void wait() {
    std::vector<pollfd> pipes;
    for (const Worker& worker : workers_) pipes.push_back({worker.child.pipe, POLLIN, 0});
    // A signal ends the wait; one that arrives just before is seen after the timeout.
    constexpr int kMilliseconds = 200;
    if (::poll(pipes.data(), pipes.size(), kMilliseconds) > 0)
      for (std::size_t i = workers_.size(); i-- > 0;)
        if (pipes[i].revents != 0 && !read_from(workers_[i])) {
          reap(workers_[i]);
          workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    summarise();
    display_.refresh();
  }

  // Returns false at the end of the pipe.
  bool read_from(Worker& worker) {
    char buffer[1 << 14];
    const ssize_t count = ::read(worker.child.pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    worker.unread.append(buffer, static_cast<std::size_t>(count));
    for (std::size_t end; (end = worker.unread.find('\n')) != std::string::npos;) {
      take(worker, worker.unread.substr(0, end));
      worker.unread.erase(0, end + 1);
    }
    return true;
  }

  void take(Worker& worker, const std::string& line) {
    if (line.empty()) return;
    if (line[0] == kKeep) display_.keep(line.substr(1));
    if (line[0] == kLive) display_.set(worker.slot, line.substr(1));
    if (line[0] != kEnd || line.size() < 2) return;
    worker.ended = true;
    end(worker.job, {static_cast<Exit>(line[1] - '0'), line.substr(2)});
  }

  void reap(const Worker& worker) {
    ::close(worker.child.pipe);
    int status = 0;
    while (::waitpid(worker.child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    display_.set(worker.slot, "");
    if (worker.ended) return;
    const std::string why =
        "the process of this run " + why_ended(status, jobs_[worker.job].least_bytes);
    jobs_[worker.job].died(why);
    end(worker.job, {Exit::internal, why});
  }

  void end(std::size_t job, Ending ending) {
    disk_full_ = disk_full_ || ending.code == Exit::output;
    const bool said = ending.code == Exit::ok || ending.code == Exit::interrupted ||
                      ending.code == Exit::diverged;
    if (!said) display_.keep(jobs_[job].prefix + "  " + ending.message);
    if (ending.code == Exit::ok || ending.code == Exit::diverged)
      ++done_;
    else if (ending.code != Exit::interrupted)
      ++failed_;
    endings_[job] = std::move(ending);
  }

  void summarise() {
    if (jobs_.size() > 1)
      display_.summary(fmt::format("{} of {} runs done{}{}", done_, jobs_.size(),
                                   failed_ > 0 ? fmt::format(", {} failed", failed_) : "",
                                   stop_requested() ? ", stopping" : ""));
  }

  const std::vector<Job>& jobs_;
  std::size_t at_once_, next_ = 0, done_ = 0, failed_ = 0;
  Display display_;
  std::vector<Worker> workers_;
  std::vector<Ending> endings_;
  bool passed_on_ = false, disk_full_ = false;
};

}  // namespace

std::vector<Ending> supervise(const std::vector<Job>& jobs, std::size_t most) {
  leave_time_for_a_checkpoint();
  return Supervisor(jobs, most).run();
}

}  // namespace moesim
