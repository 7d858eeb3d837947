// moesim: trains, compares and certifies Mixture-of-Experts routers.
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/last_words.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/version.hpp"
#include "experiments/terminal/error_stream.hpp"
#include "experiments/terminal/standard_output.hpp"
#include "sim/core/error.hpp"
#include "sim/core/out_of_memory.hpp"
#include "sim/io/missing_service.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iomanip>
#include <iostream>
#include <malloc.h>
#include <new>
#include <unistd.h>

namespace {

// Opens closed standard streams: otherwise the next opened file would get the stream's number, and
// messages would go into that file. Writing a result to a closed standard output still fails.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 &&
        open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return;
}

// Limits how long OpenMP threads spin while waiting, which is harmful on a shared machine: with one
// other busy process on two cores, the quickstart's token_choice ran at 42 to 73 thousand tokens/s
// with 5,000 turns and at 106 to 117 with 500; on an idle machine at 262 and 267. With 100 turns it
// lost a fifth there. OpenMP reads this before main(), so the program re-executes itself once.
void spin_briefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("GOMP_SPINCOUNT", "500", 0) != 0) return;
  execv("/proc/self/exe", argv);  // returns only on failure: continue with the default
}

// Keeps freed memory in the process. Matrix libraries allocate buffers at every call; by default
// the C library returns large blocks to the system, and the next call pays for fresh pages.
void keep_freed_memory() {
#if defined(__GLIBC__)
  // Older C libraries accept at most 32 MiB.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void usage(std::ostream& out) {
  out << "moesim " << moesim::version()
      << ": a research simulator for Mixture-of-Experts routing\n\n"
      << "usage: moesim COMMAND [ARGUMENTS]\n\n";
  for (const moesim::Command& command : moesim::commands())
    out << "  " << std::left << std::setw(14) << command.name << command.summary << '\n';
  out << "\nmoesim COMMAND --help shows its options.\n";
}

int dispatch(const moesim::Words& words) {
  if (words.empty()) {
    usage(std::cerr);
    return static_cast<int>(moesim::Exit::usage);
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    usage(std::cout);
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << "moesim " << moesim::version() << " (" << moesim::git_revision() << ")\n";
    return 0;
  }
  const auto& all = moesim::commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const moesim::Command& command) {
    return command.name == words[0];
  });
  if (found == all.end()) {
    std::vector<std::string> names;
    for (const moesim::Command& command : all) names.emplace_back(command.name);
    const std::string near = moesim::nearest(words[0], names);
    moesim::fail(moesim::Exit::usage, "command line: unknown command '" + words[0] + "'; " +
                                          (near.empty() ? "choose one of " + moesim::joined(names)
                                                        : "did you mean " + near + "?"));
  }
  return found->run({words.begin() + 1, words.end()});
}

// Runs the command and returns its exit code.
int run(int argc, char** argv) {
  moesim::StandardOutput output;
  try {
    const int code = dispatch({argv + 1, argv + argc});
    output.finish();
    return code;
  } catch (const moesim::Error& error) {
    moesim::say_error(std::string("moesim: ") + error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    moesim::say_error(std::string("moesim: ") + moesim::kOutOfMemory);
  } catch (const std::exception& error) {
    moesim::say_error(std::string("moesim: internal error: ") + error.what());
  }
  return static_cast<int>(moesim::Exit::internal);
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  spin_briefly(argv);
  moesim::allow_open_files();
  keep_freed_memory();
  // Ignored, because the failing write reports both: a closed reader, and a file beyond `ulimit
  // -f`.
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  moesim::explain_sudden_end();
  moesim::send_warnings(moesim::say_error);
  const int code = run(argc, argv);
  moesim::end_in_order();
  return code;
}
