// Emulates streams, events, what is allocated and copied, and cuBLAS.
#include "cublas_v2.h"
#include "memory.hpp"
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

struct EmulatedGraph {
  std::vector<std::function<void()>> work;
  bool spoiled = false;
};

namespace {

using emulation::require;

std::map<const char*, std::size_t> pinned;  // host memory that copies read when they run
std::vector<std::function<void()>> queue;
std::unique_ptr<EmulatedGraph> capture;  // receives enqueued work, if not null
std::size_t used = 0;
std::size_t memory = [] {  // or MOESIM_EMULATED_MEMORY bytes
  const char* bytes = std::getenv("MOESIM_EMULATED_MEMORY");
  return bytes != nullptr ? std::strtoull(bytes, nullptr, 10) : cudaDeviceProp().totalGlobalMem;
}();
std::uint64_t stream_time = 0;
emulation::Counts counted{};

void push(std::function<void()> work) {
  (capture ? capture->work : queue).push_back(std::move(work));
}

// Invalidates the capture after a call that is not allowed during it.
cudaError_t spoil() {
  capture->spoiled = true;
  return cudaErrorStreamCaptureUnsupported;
}

void run_queue() {
  if (queue.empty()) return;
  std::vector<std::function<void()>> work;
  work.swap(queue);
  emulation::on_device([&] {
    for (const auto& f : work) f();
  });
}

bool is_pinned(const void* p) {
  const auto* at = static_cast<const char*>(p);
  const auto next = pinned.upper_bound(at);
  if (next == pinned.begin()) return false;
  const auto& [begin, size] = *std::prev(next);
  return at < begin + size;
}

}  // namespace

void emulation::spend(std::uint64_t nanoseconds) { stream_time += nanoseconds; }
std::uint64_t emulation::nanoseconds() { return stream_time; }
void emulation::enqueue(std::function<void()> work) {
  ++counted.kernels;
  push(std::move(work));
}
void emulation::set_memory(std::size_t bytes) { memory = bytes; }
std::size_t emulation::used_memory() { return used; }
emulation::Counts emulation::counts() { return counted; }

cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 1000, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 1000, cudaSuccess; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  static int any;
  return *stream = &any, cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return run_queue(), cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  if (capture) return spoil();
  return ++counted.waits, run_queue(), cudaSuccess;
}
// Few multiprocessors, so that small tests reach the products that fill a card.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  return *value = attribute == cudaDevAttrMultiProcessorCount ? 8 : 0, cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t) { return "error"; }

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  if (capture) return spoil();
  if (bytes == 0) return *p = nullptr, cudaSuccess;
  if (used + bytes > memory) return cudaErrorMemoryAllocation;
  used += bytes;
  return *p = emulation::take_block(bytes), cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (capture) return spoil();
  run_queue();  // it waits for the device
  used -= emulation::release_block(p);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** p, std::size_t bytes) {
  if (capture) return spoil();
  *p = std::malloc(bytes);
  pinned[static_cast<char*>(*p)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* p) {
  if (capture) return spoil();
  std::memset(p, 0xff, pinned.at(static_cast<char*>(p)));  // later reads get NaN
  pinned.erase(static_cast<char*>(p));
  return std::free(p), cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  ++counted.copies;
  if (capture && kind == cudaMemcpyDeviceToHost) return spoil();
  if (kind == cudaMemcpyHostToDevice && !is_pinned(from) &&
      !capture) {  // staged before the call returns
    const auto* data = static_cast<const char*>(from);
    push([to, staged = std::vector<char>(data, data + bytes)] {
      std::memcpy(to, staged.data(), staged.size());
    });
    return cudaSuccess;
  }
  push([=] {
    emulation::spend(bytes);
    std::memcpy(to, from, bytes);
  });
  if (kind == cudaMemcpyDeviceToHost && !is_pinned(to)) run_queue();
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t) {
  ++counted.sets;
  push([=] { std::memset(p, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  require(!capture, "a capture in a capture");
  return capture = std::make_unique<EmulatedGraph>(), cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  require(capture != nullptr, "the end of no capture");
  const std::unique_ptr<EmulatedGraph> done = std::move(capture);
  if (done->spoiled) return *graph = nullptr, cudaErrorStreamCaptureInvalidated;
  return *graph = new EmulatedGraph(*done), cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  return *executable = new EmulatedGraph(*graph), cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  require(!capture, "a launch of a graph in a capture");
  ++counted.graphs;
  queue.insert(queue.end(), executable->work.begin(), executable->work.end());
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  run_queue();
  return delete executable, cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }

struct EmulatedEvent {
  std::uint64_t time = 0;
  bool recorded = false, reached = false;
};

cudaError_t cudaEventCreate(cudaEvent_t* event) { return *event = new EmulatedEvent, cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  run_queue();  // the queue may still use it
  return delete event, cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->recorded = true, event->reached = false;
  push([event] { event->time = emulation::nanoseconds(), event->reached = true; });
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (capture) return spoil();
  if (event->recorded && !event->reached) run_queue();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->reached || !end->reached) return cudaErrorNotReady;
  return *milliseconds = 1e-6f * static_cast<float>(end->time - begin->time), cudaSuccess;
}

namespace {
void* workspace = nullptr;  // of the one handle that is in use
}
cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  return *handle = nullptr, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) {
  return workspace = nullptr, CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void* p, std::size_t) {
  return workspace = p, CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t) { return "error"; }

namespace {

double load(const void* p, cudaDataType type, std::int64_t i) {
  if (type == CUDA_R_64F) return static_cast<const double*>(p)[i];
  if (type == CUDA_R_32F) return static_cast<double>(static_cast<const float*>(p)[i]);
  const std::uint32_t bits = std::uint32_t{static_cast<const std::uint16_t*>(p)[i]} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

}  // namespace

// Column-major: c[row + col · ldc].
cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n,
    std::int64_t k, const void* alpha, const void* a, cudaDataType type_a, std::int64_t lda,
    long long stride_a, const void* b, cudaDataType type_b, std::int64_t ldb, long long stride_b,
    const void* beta, void* c, cudaDataType type_c, std::int64_t ldc, long long stride_c,
    std::int64_t batch, cublasComputeType_t compute, cublasGemmAlgo_t) {
  require(m > 0 && n > 0 && k > 0 && batch > 0, "a product of nothing");
  require(lda >= (op_a == CUBLAS_OP_N ? m : k) && ldb >= (op_b == CUBLAS_OP_N ? k : n) && ldc >= m,
          "a leading dimension below the rows");
  require((compute == CUBLAS_COMPUTE_64F) == (type_c == CUDA_R_64F), "a product of mixed types");
  const cudaDataType scalar = compute == CUBLAS_COMPUTE_64F ? CUDA_R_64F : CUDA_R_32F;
  const double by = load(alpha, scalar, 0), keep = load(beta, scalar, 0);
  require(!capture || workspace != nullptr, "a product is captured without memory of its own");
  ++counted.products;
  push([=] {
    emulation::spend(static_cast<std::uint64_t>(batch * m * n * k));
    if (batch * m * n * k > std::int64_t{1} << 36)
      return;  // only its time counts; computing it would take minutes
    for (std::int64_t e = 0; e < batch; ++e)
      for (std::int64_t col = 0; col < n; ++col)
        for (std::int64_t row = 0; row < m; ++row) {
          double sum = 0;
          for (std::int64_t i = 0; i < k; ++i)
            sum += load(a, type_a,
                        e * stride_a + (op_a == CUBLAS_OP_N ? row + i * lda : i + row * lda)) *
                   load(b, type_b,
                        e * stride_b + (op_b == CUBLAS_OP_N ? i + col * ldb : col + i * ldb));
          const std::int64_t at = e * stride_c + row + col * ldc;
          const double value = by * sum + (keep == 0 ? 0 : keep * load(c, type_c, at));
          if (type_c == CUDA_R_64F)
            static_cast<double*>(c)[at] = value;
          else
            static_cast<float*>(c)[at] = static_cast<float>(value);
        }
  });
  return CUBLAS_STATUS_SUCCESS;
}
