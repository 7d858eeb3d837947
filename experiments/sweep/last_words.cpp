#include "experiments/sweep/last_words.hpp"

#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/resources.hpp"
#include "sim/core/error.hpp"
#include "sim/core/out_of_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moesim {
namespace {

constexpr std::array kMistakes = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// The limit as the likely reason; "" if memory is not limited.
std::string limit_as_reason() {
  const double limit = memory_limit();
  return limit == 0 ? ""
                    : fmt::format("; out of memory is the most likely reason (ulimit -v is {})",
                                  readable_bytes(limit));
}

// The message, prepared because a handler cannot allocate. Longer ones are truncated.
std::array<char, 200> ending{};

void say_ending(const char* line) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 1000) > 0 && ::write(STDERR_FILENO, line, std::strlen(line)) < 0) return;
}

extern "C" void on_mistake(int) {
  say_ending(ending.data());
  ::_exit(static_cast<int>(Exit::internal));
}

// State of the exit handler, for libraries that call exit(): OpenMP does, after printing a line, if
// it cannot start its threads.
bool in_order = false;
pid_t explained = 0;

void on_exit_of_others() {
  if (in_order || ::getpid() != explained) return;
  say_ending(("moesim: a library ended the program" + limit_as_reason() +
              "; give fewer --threads, or more memory\n")
                 .c_str());
}

[[noreturn]] void on_terminate() {
  std::string line = "moesim: internal error: terminated" + limit_as_reason() + "\n";
  try {
    if (const std::exception_ptr problem = std::current_exception())
      std::rethrow_exception(problem);
  } catch (const std::bad_alloc&) {
    line = std::string("moesim: ") + kOutOfMemory + "\n";
  } catch (const Error& error) {
    line = std::string("moesim: ") + error.what() + "\n";
  } catch (const std::exception& error) {
    line = std::string("moesim: internal error: ") + error.what() + "\n";
  } catch (...) {
  }
  say_ending(line.c_str());
  ::_exit(static_cast<int>(Exit::internal));
}

}  // namespace

std::string why_ended(int status, double least_bytes) {
  if (!WIFSIGNALED(status))
    return fmt::format("left with {}{}", WEXITSTATUS(status), limit_as_reason());
  const int signal = WTERMSIG(status);
  const std::string killed = fmt::format("was killed: {}", strsignal(signal));
  if (signal == SIGKILL) {
    rlimit time{};
    if (::getrlimit(RLIMIT_CPU, &time) == 0 && time.rlim_max != RLIM_INFINITY)
      return killed +
             fmt::format("; the limit of processor time may be the reason (ulimit -t is {})",
                         static_cast<std::uint64_t>(time.rlim_max));
    const double available = available_memory();
    return killed + "; memory may be the reason" +
           (least_bytes > 0 ? ": it needs at least " + readable_bytes(least_bytes) : "") +
           (available > 0 ? fmt::format("{} {} available now", least_bytes > 0 ? "," : ":",
                                        readable_bytes(available))
                          : "");
  }
  if (signal == SIGXCPU) return killed + " (ulimit -t)";
  const bool mistake = std::find(kMistakes.begin(), kMistakes.end(), signal) != kMistakes.end();
  return killed + (mistake ? limit_as_reason() : "");
}

void explain_sudden_end() {
  std::set_terminate(on_terminate);
  explained = ::getpid();
  std::atexit(on_exit_of_others);
  const std::string reason = limit_as_reason();
  if (reason.empty()) return;
  const std::string line = "moesim: ended by a fault" + reason + "\n";
  line.copy(ending.data(), ending.size() - 1);
  // Use an alternate stack: the fault may be a lack of memory for the stack.
  static std::array<char, 1 << 14> stack;
  stack_t own{};
  own.ss_sp = stack.data();
  own.ss_size = stack.size();
  ::sigaltstack(&own, nullptr);
  struct sigaction action {};
  action.sa_handler = on_mistake;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (const int signal : kMistakes) ::sigaction(signal, &action, nullptr);
}

void end_in_order() { in_order = true; }

}  // namespace moesim
