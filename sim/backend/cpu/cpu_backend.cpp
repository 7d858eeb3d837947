#include "sim/backend/cpu/cpu_backend.hpp"

#include "sim/backend/cpu/gemm.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

namespace moesim {

namespace {

// OMP_NUM_THREADS, or the number of cores. Read once, before the first backend changes OpenMP's
// setting.
int default_threads() {
  static const int threads = omp_get_max_threads();
  return threads;
}

}  // namespace

CpuBackend::CpuBackend(int threads) : threads_(default_threads()) {
  if (threads > 0) threads_ = threads;
  // Parallel regions set their number of threads. All other code stays serial, above all providers
  // of matrix products: if they split sums by thread, bits would depend on the number of threads.
  omp_set_num_threads(1);
}

CpuBackend::~CpuBackend() { free_unused(); }

std::string CpuBackend::name() const { return "cpu"; }

std::string CpuBackend::description() const {
  std::string processor = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) {
      processor = line.substr(line.find(':') + 2);
      break;
    }
#if defined(__AVX512F__)
  const char* instructions = "AVX-512";
#elif defined(__AVX2__)
  const char* instructions = "AVX2";
#elif defined(__ARM_NEON)
  const char* instructions = "NEON";
#else
  const char* instructions = "baseline";
#endif
  return fmt::format("{}, {}, {}, products by {}{}", processor, instructions,
                     counted(threads_, "thread"), MOESIM_GEMM_NAME,
                     cpu::has_bf16() ? " with bfloat16" : "");
}

void* CpuBackend::allocate_raw(std::size_t bytes) {
  void* block = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (block == nullptr)
    fail(Exit::internal,
         fmt::format("out of memory: {:.1f} MB requested, {:.1f} MB held; make the model or the "
                     "batch smaller",
                     static_cast<double>(bytes) / 1e6, static_cast<double>(held()) / 1e6));
  return block;
}

void CpuBackend::free_raw(void* block) { std::free(block); }

// The pointer of an empty vector may be null, which memcpy does not accept even for 0 bytes.
void CpuBackend::copy_to_host(void* host, const void* device, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void CpuBackend::copy_from_host(void* device, const void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void CpuBackend::copy(void* to, const void* from, std::size_t bytes) {
  for_pieces(static_cast<index>(bytes), 1 << 18, [&](index first, index last) {
    std::memcpy(static_cast<char*>(to) + first, static_cast<const char*>(from) + first,
                static_cast<std::size_t>(last - first));
  });
}

void CpuBackend::zero(void* p, std::size_t bytes) {
  for_pieces(static_cast<index>(bytes), 1 << 18, [&](index first, index last) {
    std::memset(static_cast<char*>(p) + first, 0, static_cast<std::size_t>(last - first));
  });
}

void CpuBackend::fill(real* p, index n, real value) {
  for_pieces(n, 1 << 16, [&](index first, index last) { std::fill(p + first, p + last, value); });
}

}  // namespace moesim
