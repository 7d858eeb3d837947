// Fuzzes run files through read_run_file and its child process. HDF5 does not survive every file,
// so the child's death is an accepted outcome; our own code in the child must not fail.
#include "sim/record/run_file.hpp"

#include "sim/record/axes.hpp"
#include "sim/record/digest.hpp"
#include "sim/record/encode.hpp"
#include "sim/record/pack.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/record/samples.hpp"

#include <algorithm>
#include <cstring>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/syscall.h>

// How often each edge was taken, as libFuzzer sees it: where the counters begin and end. C++ may
// not name these symbols, because the compiler does so itself.
extern "C" std::uint8_t* const moesim_fuzz_counters[2];
__asm__(
    ".pushsection .data.rel, \"aw\"\n.balign 8\n.globl "
    "moesim_fuzz_counters\nmoesim_fuzz_counters:\n"
    ".quad __start___sancov_cntrs, __stop___sancov_cntrs\n.popsection");

namespace moesim::fuzz {
namespace {

// The child's stderr leads nowhere, and its memory is its own: reports and coverage come back here.
class ChildWatch {
 public:
  static ChildWatch& one() {
    static ChildWatch watch;
    return watch;
  }

  bool in_child() const { return ::getpid() != parent_; }
  void send_coverage() { std::memcpy(shared_, moesim_fuzz_counters[0], edges()); }
  // The sanitizers' report, "" if there is none; the next child begins anew.
  std::string collect() {
    for (std::size_t i = 0; i < edges(); ++i) {
      std::uint8_t& counter = moesim_fuzz_counters[0][i];
      counter = std::max(counter, shared_[i]);
    }
    std::memset(shared_, 0, edges());
    std::string report(static_cast<std::size_t>(::lseek(report_, 0, SEEK_END)), '\0');
    expect(::pread(report_, report.data(), report.size(), 0) == static_cast<ssize_t>(report.size()),
           "a report can be read");
    expect(::ftruncate(report_, 0) == 0 && ::lseek(report_, 0, SEEK_SET) == 0, "ftruncate");
    return report;
  }

 private:
  ChildWatch()
      : parent_(::getpid()),
        report_(::memfd_create("report", 0)),
        shared_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, edges(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    expect(report_ >= 0 && shared_ != MAP_FAILED, "memory to share with a child");
    ::pthread_atfork(nullptr, nullptr, [] {
      __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<intptr_t>(one().report_)));
      __sanitizer_set_death_callback(nullptr);  // libFuzzer's would keep the input
    });
  }

  static std::size_t edges() {
    return static_cast<std::size_t>(moesim_fuzz_counters[1] - moesim_fuzz_counters[0]);
  }

  pid_t parent_;
  int report_;
  std::uint8_t* shared_;
};

// HDF5 is not instrumented, so what has no stack of its own is ours, and so is a stack that is in
// this program below the sanitizer's own frame.
bool is_ours(const std::string& report) {
  if (report.find("runtime error:") != std::string::npos) return true;
  const std::size_t caller = report.find("#1 ");
  if (caller == std::string::npos) return false;
  const std::string frame = report.substr(caller, report.find('\n', caller) - caller);
  return frame.find(program_invocation_short_name) != std::string::npos;
}

bool read(const std::string& path, RunFile& run) {
  const bool accepted = accepts(Exit::data, [&] { run = read_run_file(path); });
  const std::string report = ChildWatch::one().collect();
  expect(!is_ours(report), "in the child:\n" + report);
  return accepted;
}

// All but the digest, which may be wrong in a file that is read and is right in one that we write.
std::string content_of(const RunFile& run) {
  RunFile bare;
  for (const std::string& name : run.attribute_order())
    if (name != kDigest && name != kEarlierDigest) bare.attribute(name, run.attributes().at(name));
  for (const Variable& variable : run.variables()) bare.put(variable);
  return pack(bare);
}

void run(std::string_view bytes) {
  // HDF5 asks for the real path of a file, which one in memory has not.
  static const testing::TemporaryFolder folder;
  static const std::string path = folder / "run.h5";
  testing::write_bytes(path, std::string(bytes));
  RunFile first, second;
  if (!read(path, first)) return;
  testing::write_bytes(path, encode(first, axes_of(first.variables()), first.digest()).bytes());
  expect(read(path, second) && content_of(second) == content_of(first),
         "what was read can be written and read");
}

}  // namespace
}  // namespace moesim::fuzz

// Frames are compared by module, so they stay as they are.
extern "C" const char* __asan_default_options() { return "symbolize=0"; }

// How the child leaves.
extern "C" void _exit(int status) {
  using moesim::fuzz::ChildWatch;
  if (ChildWatch::one().in_child()) ChildWatch::one().send_coverage();
  for (;;) ::syscall(SYS_exit_group, status);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::ChildWatch::one();
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
