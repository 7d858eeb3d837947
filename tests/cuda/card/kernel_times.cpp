// Measures the time of every kernel of a program, also of those in replayed graphs: a library that
// CUDA loads into the program (CUDA_INJECTION64_PATH). It writes one line per kernel to
// MOESIM_KERNEL_TIMES.PID, the longest total first: total us, calls, mean us, grid and block of the
// last call, name.
//
// Uses CUPTI's activity records: the program runs at nearly full speed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cupti.h>
#include <cxxabi.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

struct Total {
  double us = 0;
  long calls = 0;
  unsigned grid = 0, block = 0;
};

struct Times {
  std::mutex mutex;
  std::map<std::string, Total> totals;
};
constexpr std::uint32_t kPeriodMs = 100;

// Never destroyed: records may arrive while the process ends.
Times& times() {
  static Times* const all = new Times;
  return *all;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : name;
}

void add(const std::string& name, std::uint64_t start, std::uint64_t end, unsigned grid,
         unsigned block) {
  Total& total = times().totals[name];
  total.us += 1e-3 * static_cast<double>(end - start);
  ++total.calls;
  total.grid = grid, total.block = block;
}

// Rewrites the file. The caller holds the mutex.
void write() {
  const char* base = std::getenv("MOESIM_KERNEL_TIMES");
  if (base == nullptr || times().totals.empty()) return;
  std::vector<std::pair<std::string, Total>> rows(times().totals.begin(), times().totals.end());
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.second.us > b.second.us; });
  const std::string path = std::string(base) + "." + std::to_string(::getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return;
  for (const auto& [name, t] : rows)
    std::fprintf(file, "%12.1f us %7ld x %10.2f us  <%u, %u>  %s\n", t.us, t.calls,
                 t.us / static_cast<double>(t.calls), t.grid, t.block, name.c_str());
  std::fclose(file);
}

void CUPTIAPI give(std::uint8_t** buffer, std::size_t* size, std::size_t* most) {
  constexpr std::size_t kBytes = 1 << 18;
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, kBytes));
  *size = *buffer == nullptr ? 0 : kBytes;
  *most = 0;
}

void CUPTIAPI take(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
  const std::lock_guard lock(times().mutex);
  CUpti_Activity* record = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto& k = *reinterpret_cast<const CUpti_ActivityKernel9*>(record);
      add(demangled(k.name), k.start, k.end,
          static_cast<unsigned>(k.gridX) * static_cast<unsigned>(k.gridY) *
              static_cast<unsigned>(k.gridZ),
          static_cast<unsigned>(k.blockX) * static_cast<unsigned>(k.blockY) *
              static_cast<unsigned>(k.blockZ));
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
      const auto& m = *reinterpret_cast<const CUpti_ActivityMemcpy5*>(record);
      add("[copy of kind " + std::to_string(m.copyKind) + "]", m.start, m.end, 0, 0);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      const auto& m = *reinterpret_cast<const CUpti_ActivityMemset4*>(record);
      add("[set]", m.start, m.end, 0, 0);
    }
  }
  std::free(buffer);
  write();  // a process that ends by _exit has no later chance
}

void flush() { cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED); }

}  // namespace

extern "C" int InitializeInjection() {
  for (const CUpti_ActivityKind kind : {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                        CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET})
    if (cuptiActivityEnable(kind) != CUPTI_SUCCESS) return 0;
  if (cuptiActivityRegisterCallbacks(give, take) != CUPTI_SUCCESS) return 0;
  cuptiActivityFlushPeriod(kPeriodMs);
  std::atexit(flush);
  return 1;
}
