// moesim: trains, compares and certifies Mixture-of-Experts routers.
#include "experiments/commands.hpp"
#include "experiments/error_stream.hpp"
#include "experiments/last_words.hpp"
#include "experiments/process_limits.hpp"
#include "experiments/standard_output.hpp"
#include "experiments/version.hpp"
#include "sim/core/error.hpp"
#include "sim/core/out_of_memory.hpp"
#include "sim/record/missing.hpp"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <malloc.h>
#include <map>
#include <new>
#include <unistd.h>

namespace {

// The number of a standard stream that is closed would go to the next file that is opened, and
// messages into that file.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return;
}

// Threads that wait by spinning for long ruin a machine that they share: beside one busy process on
// two cores, the quickstart's token_choice made 42 to 73 thousand tokens/s with 5,000 turns and 106
// to 117 with 500; on an idle machine 262 and 267. With 100 turns it lost a fifth there. OpenMP
// reads this before main(), so the program starts itself once more with another default.
void spin_briefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("GOMP_SPINCOUNT", "500", 0) != 0) return;
  execv("/proc/self/exe", argv);  // returns only if it cannot: then things are as they were
}

// Providers of matrix products allocate their buffers at every call. By default the C library gives
// large blocks back to the system each time, and the next call pays for fresh pages.
void keep_freed_memory() {
#if defined(__GLIBC__)
  // Older ones take no more than 32 MiB.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

struct Command {
  int (*run)(const moesim::Words&);
  const char* summary;
};

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {
      {"run", {moesim::run_command, "train a run or a sweep from a config file"}},
      {"status", {moesim::status_command, "what became of every run of an experiment"}},
      {"verify", {moesim::verify_command, "read every byte of an experiment, say what is damaged"}},
      {"compare", {moesim::compare_command, "one row per arm, over its seeds"}},
      {"export",
       {moesim::export_command,
        "a table as text, CSV, Markdown, LaTeX, HTML or JSON; or TensorBoard"}},
      {"plot",
       {moesim::plot_command, "a figure for a paper: curves, load, heat map, Pareto front"}},
      {"report",
       {moesim::report_command,
        "a page about a comparison: words, tables, figures, how to run it again"}},
      {"predict",
       {moesim::predict_command, "logits of a checkpoint on validation data, as safetensors"}},
      {"sample", {moesim::sample_command, "text from a checkpoint of a run"}},
      {"list", {moesim::list_command, "routers, experts, tasks, datasets, options"}},
      {"check",
       {moesim::check_command,
        "certificates of routers and experts: gradients, causality, conservation"}},
      {"bench",
       {moesim::bench_command,
        "cost of a training step, its parts, its share of the machine's limit"}},
      {"info", {moesim::info_command, "version, build and devices"}},
  };
  return all;
}

void usage(std::ostream& out) {
  out << "moesim " << moesim::version()
      << ": a research simulator for Mixture-of-Experts routing\n\n"
      << "usage: moesim COMMAND [ARGUMENTS]\n\n";
  for (const auto& [name, command] : commands())
    out << "  " << name << std::string(10 - name.size(), ' ') << command.summary << '\n';
  out << "\nmoesim COMMAND --help tells more.\n";
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
  const auto found = commands().find(words[0]);
  if (found == commands().end()) {
    std::vector<std::string> names;
    for (const auto& [name, command] : commands()) names.push_back(name);
    const std::string near = moesim::nearest(words[0], names);
    moesim::fail(moesim::Exit::usage, "command line: unknown command '" + words[0] + "'; " +
                                          (near.empty() ? "choose one of " + moesim::joined(names)
                                                        : "did you mean " + near + "?"));
  }
  return found->second.run({words.begin() + 1, words.end()});
}

// Returns the exit code.
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
  // A write says so too: a reader that left, and a file that would be larger than `ulimit -f`.
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  moesim::explain_sudden_end();
  moesim::send_warnings(moesim::say_error);
  const int code = run(argc, argv);
  moesim::end_in_order();
  return code;
}
