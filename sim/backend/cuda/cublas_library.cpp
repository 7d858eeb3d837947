// Loads cuBLAS at the first use of a device, and forwards its functions under their usual names.
//
// Linking its libraries would add 170 MB and 0.2 s to every start of the program, with or without a
// card.
#include "sim/core/error.hpp"

#include <cstdlib>
#include <cublas_v2.h>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace {

void* library() {
  static void* const handle = [] {
    const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
    // Search order: the loader's path, the build's folder, the folders of CUDA's installers.
    std::vector<std::string> paths = {name, std::string(MOESIM_CUBLAS_FOLDER) + "/" + name};
    std::vector<std::string> homes = {"/usr/local/cuda"};
    for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
      if (const char* home = std::getenv(variable)) homes.emplace_back(home);
    for (const std::string& home : homes)
      for (const char* folder : {"/lib64/", "/targets/x86_64-linux/lib/"})
        paths.push_back(home + folder + name);
    std::string why;  // the first error names the missing dependency
    for (const std::string& path : paths) {
      if (void* found = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return found;
      if (const char* error = ::dlerror(); why.empty() && error != nullptr) why = error;
    }
    moesim::fail(moesim::Exit::usage,
                 name + ": cannot be loaded (" + why + "); install cuBLAS of CUDA " +
                     std::to_string(CUBLAS_VER_MAJOR) + ", or use run.device = cpu");
  }();
  return handle;
}

// The function of this name, with the type of the header.
template <class F>
F* find(F*, const char* name) {
  if (void* found = ::dlsym(library(), name)) return reinterpret_cast<F*>(found);
  moesim::fail(moesim::Exit::internal, std::string("cuBLAS lacks ") + name);
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  static const auto call = find(&cublasCreate_v2, "cublasCreate_v2");
  return call(handle);
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  static const auto call = find(&cublasDestroy_v2, "cublasDestroy_v2");
  return call(handle);
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  static const auto call = find(&cublasSetStream_v2, "cublasSetStream_v2");
  return call(handle, stream);
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  static const auto call = find(&cublasSetWorkspace_v2, "cublasSetWorkspace_v2");
  return call(handle, workspace, bytes);
}

const char* cublasGetStatusString(cublasStatus_t status) {
  static const auto call = find(&cublasGetStatusString, "cublasGetStatusString");
  return call(status);
}

cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int64_t m, int64_t n,
    int64_t k, const void* alpha, const void* a, cudaDataType type_a, int64_t lda,
    long long stride_a, const void* b, cudaDataType type_b, int64_t ldb, long long stride_b,
    const void* beta, void* c, cudaDataType type_c, int64_t ldc, long long stride_c, int64_t batch,
    cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  static const auto call = find(&cublasGemmStridedBatchedEx_64, "cublasGemmStridedBatchedEx_64");
  return call(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, stride_a, b, type_b, ldb,
              stride_b, beta, c, type_c, ldc, stride_c, batch, compute, algorithm);
}

}  // extern "C"
