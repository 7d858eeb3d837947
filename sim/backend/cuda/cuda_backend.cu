// The device and its memory: start, allocation, copies, and their errors.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/config/registry.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

namespace moesim {

using cuda::check;

namespace {

constexpr std::size_t kPinnedBytes = 64;

// Workspace size that the cuBLAS documentation recommends, for Hopper and for other cards.
std::size_t workspace_bytes(int device) {
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
        "reading the device's properties");
  return std::size_t{major >= 9 ? 32u : 4u} << 20;
}

const Registered<Backend> registered("cuda", "NVIDIA cards",
                                     [](int device, int threads) -> std::unique_ptr<Backend> {
                                       return std::make_unique<CudaBackend>(device, threads);
                                     });

// nvcc does not compile fmt's checked format strings.
std::string tenths(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}
std::string version(int number) {
  return std::to_string(number / 1000) + '.' + std::to_string(number % 1000 / 10);
}
std::string capability(const cudaDeviceProp& card, const char* between) {
  return std::to_string(card.major) + between + std::to_string(card.minor);
}

void check_blas(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail(Exit::internal, std::string("cuBLAS: ") + cublasGetStatusString(status));
}

[[noreturn]] void fail_for(int device, const std::string& why) {
  fail(Exit::usage, "run.device = cuda:" + std::to_string(device) + ": " + why);
}

__global__ void probe_kernel() {}

// Fails with one line for each reason why a device is missing.
void require_device(int device) {
  int count = 0, driver = 0, runtime = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0)
    fail_for(device, "no CUDA device: no NVIDIA driver is installed; use run.device = cpu");
  if (status == cudaErrorInsufficientDriver)
    fail_for(device, "the NVIDIA driver is for CUDA " + version(driver) + ", this build needs " +
                         version(runtime) + "; update the driver");
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    fail_for(device, "no CUDA device: the driver sees no card; is CUDA_VISIBLE_DEVICES set?");
  if (status != cudaSuccess)
    fail_for(device, std::string("CUDA does not start: ") + cudaGetErrorString(status));
  if (device >= count)
    fail_for(device, "this machine has " + std::to_string(count) + " CUDA device" +
                         (count == 1 ? "" : "s") + ", counted from 0");
}

}  // namespace

CudaBackend::CudaBackend(int device, int threads)
    : device_(device),
      threads_(threads > 0 ? threads
                           : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {
  require_device(device);
  check(cudaSetDevice(device), "choosing the device");
  cudaFuncAttributes attributes{};
  const cudaError_t image = cudaFuncGetAttributes(&attributes, probe_kernel);
  if (image == cudaErrorNoKernelImageForDevice || image == cudaErrorUnsupportedPtxVersion ||
      image == cudaErrorInvalidDeviceFunction) {
    cudaDeviceProp card;
    check(cudaGetDeviceProperties(&card, device), "reading the device's properties");
    fail_for(device, std::string(card.name) + " has compute capability " + capability(card, ".") +
                         ", this build is for " + MOESIM_CUDA_ARCHITECTURES +
                         "; build with -DCMAKE_CUDA_ARCHITECTURES=" + capability(card, ""));
  }
  check(image, "loading kernels");
  check(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device),
        "reading the device's properties");
  int reads = 0;
  check(cudaDeviceGetAttribute(&reads, cudaDevAttrPageableMemoryAccess, device),
        "reading the device's properties");
  reads_host_memory_ = reads != 0;
  check(cudaStreamCreateWithFlags(&stream_.stream, cudaStreamNonBlocking), "making a stream");
  check(cudaMallocHost(&pinned_, kPinnedBytes), "taking pinned memory");
  check_blas(cublasCreate(&blas_));
  check_blas(cublasSetStream(blas_, stream_));
  // Its own workspace, so that captured products (graph.cu) allocate nothing. Set after the stream,
  // which resets it.
  workspace_ = allocate(workspace_bytes(device));
  check_blas(cublasSetWorkspace(blas_, workspace_.data(), workspace_.bytes()));
}

CudaBackend::~CudaBackend() {
  cudaSetDevice(device_);
  cudaStreamSynchronize(stream_);
  cublasDestroy(blas_);
  rotary_.values = workspace_ = {};
  free_unused();
  cudaFreeHost(pinned_);
  cudaStreamDestroy(stream_);
}

std::string CudaBackend::name() const { return "cuda:" + std::to_string(device_); }

std::string CudaBackend::description() const {
  cudaDeviceProp card;
  check(cudaGetDeviceProperties(&card, device_), "reading the device's properties");
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver), "reading the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "reading the runtime's version");
  return std::string(card.name) + ", compute capability " + capability(card, ".") + ", " +
         tenths(static_cast<double>(card.totalGlobalMem) / 1e9) + " GB, driver for CUDA " +
         version(driver) + ", runtime " + version(runtime);
}

void CudaBackend::wait() {
  stream_.refuse("a call synchronises with the device");
  check(cudaStreamSynchronize(stream_), "waiting for the device");
}

void* CudaBackend::allocate_raw(std::size_t bytes) {
  check(cudaSetDevice(device_), "choosing the device");
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, std::max<std::size_t>(1, bytes));  // 0: null
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    fail(Exit::internal, "out of memory on " + name() + ": " +
                             tenths(static_cast<double>(bytes) / 1e6) + " MB requested, " +
                             tenths(static_cast<double>(held()) / 1e6) +
                             " MB held; make the model or the batch smaller");
  }
  check(status, "taking memory");
  return block;
}

void CudaBackend::free_raw(void* block) { cudaFree(block); }

void CudaBackend::copy_to_host(void* host, const void* device, std::size_t bytes) {
  if (bytes == 0) return;
  stream_.refuse("a call reads values on the host");
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_), "copy to host");
  wait();
}

// CUDA copies pageable memory before it returns, so `host` may be freed at once. A card with the
// host's page tables (Grace) reads it directly instead.
void CudaBackend::copy_from_host(void* device, const void* host, std::size_t bytes) {
  if (bytes == 0) return;
  if (stream_.trace != nullptr) {
    host = stream_.trace->add_upload(host, bytes);
    stream_.trace->add(device, bytes);
  }
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_), "copy to device");
  if (reads_host_memory_ && !stream_.captured())
    check(cudaStreamSynchronize(stream_), "copy to device");
}

void CudaBackend::copy(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (stream_.trace != nullptr) stream_.trace->add(to, from, bytes);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copy");
}

void CudaBackend::zero(void* p, std::size_t bytes) {
  if (bytes == 0) return;
  if (stream_.trace != nullptr) stream_.trace->add(p, bytes);
  check(cudaMemsetAsync(p, 0, bytes, stream_), "zero");
}

void CudaBackend::fill(real* p, index n, real value) {
  cuda::each(stream_, n, [=] __device__(index i) { p[i] = value; });
}

}  // namespace moesim
