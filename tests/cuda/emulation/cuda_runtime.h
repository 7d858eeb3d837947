// Emulates on the CPU the part of CUDA's language and runtime that sim/backend/cuda uses.
//
// The sources of the CUDA backend are compiled as C++ with this folder first in the include path.
// Threads of a block are fibers that switch only at barriers and warp shuffles, in an order that
// tests choose: a result that depends on the order is a race. The stream is a queue that runs when
// the host waits for it. Only kernels and copies can access device memory, so a host that reads it,
// or does not wait, crashes. Every block of device memory ends at an inaccessible page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#define __global__
#define __device__
#define __host__
// All shared arrays are in one section, which is filled with NaN before every block.
#define __shared__ static __attribute__((section("emulated_shared")))
#define __launch_bounds__(...)

struct dim3 {
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  unsigned x, y, z;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorNotReady = 600,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
using cudaStream_t = void*;
struct EmulatedEvent;
using cudaEvent_t = EmulatedEvent*;
inline constexpr unsigned cudaStreamNonBlocking = 1;
struct cudaDeviceProp {
  char name[256] = "CPU emulation";
  std::size_t totalGlobalMem = std::size_t{1} << 30;
  int major = 0, minor = 0;
};
struct cudaFuncAttributes {
  int binaryVersion;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaSetDevice(int device);
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrPageableMemoryAccess
};
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
// Stream time: one nanosecond per thread, per multiplication of a product, and per byte copied.
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);
cudaError_t cudaMalloc(void** p, std::size_t bytes);
cudaError_t cudaFree(void* p);
cudaError_t cudaMallocHost(void** p, std::size_t bytes);
cudaError_t cudaFreeHost(void* p);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream);
// Work enqueued during a capture is not run; it becomes the graph, with its current arguments and
// with the host's memory as it is at each launch. Allocating or waiting invalidates the capture.
struct EmulatedGraph;
using cudaGraph_t = EmulatedGraph*;
using cudaGraphExec_t = EmulatedGraph*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal };
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long flags);
cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t error);
template <class T>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, T*) {
  return cudaSuccess;
}

namespace emulation {

enum class Order { forward, backward, mixed };
void set_order(Order order);         // of the threads of a block and of the blocks of a grid
void set_closed(bool closed);        // closes device memory to the host (slow)
void set_memory(std::size_t bytes);  // of the device
std::size_t used_memory();

void spend(std::uint64_t nanoseconds);
std::uint64_t nanoseconds();  // of the stream, since the start

void enqueue(std::function<void()> work);
void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread);
void block_barrier();
// Barriers of the lanes of a warp; all must reach them.
std::uint64_t exchange(std::uint64_t value, int lane_xor);
void warp_barrier();
int lane();
int warp();  // of the block
// Asynchronous copies of a thread, in groups (cuda_pipeline.h).
void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zeros);
void commit_copies();
void finish_copies(std::size_t groups_left);
[[noreturn]] void stop(const char* what);

// Counts of the host's calls so far.
struct Counts {
  std::int64_t kernels, products, copies, sets, waits, graphs;
};
Counts counts();

}  // namespace emulation

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... a) {
  emulation::enqueue(
      [grid = config->gridDim, block = config->blockDim, kernel, ... args = P(std::forward<A>(a))] {
        emulation::run_grid(grid, block, [&] { kernel(args...); });
      });
  return cudaSuccess;
}

inline void __syncthreads() { emulation::block_barrier(); }
inline void __syncwarp() { emulation::warp_barrier(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int lane_xor) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = emulation::exchange(bits, lane_xor);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

inline int atomicAdd(int* p, int value) {
  const int before = *p;
  *p += value;
  return before;
}
