// CudaBackend is the CUDA backend: one class, whose kernels are in the files of this folder by
// family, under the same file names as on the CPU.
//
// It uses one device and one stream, and synchronises only when a value is copied to the host. No
// kernel adds floats atomically, the order of every sum depends on sizes alone, and cuBLAS is
// deterministic on one stream, so a run repeats to the bit on the same kind of card.
//
// Memory comes from the pool of size classes on top of cudaMalloc. With a single stream a freed
// block can be reused at once: kernels that still read it were launched before those that will
// write it. So after the first step nothing is allocated, as on the CPU, and the memory in use is
// known to the byte; cudaMallocAsync would add a second cache with rules of its own.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/cuda/queue.hpp"
#include "sim/backend/kernel_arguments.hpp"

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <string>
#include <vector>

namespace moesim {

class CudaBackend : public Backend {
 public:
  // threads: of work on the host, as the first values of parameters; 0: one per core.
  CudaBackend(int device, int threads);
  ~CudaBackend() override;
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;
  int threads() const override { return threads_; }
  bool has_tf32() const override { return sizeof(real) == sizeof(float); }
  void wait() override;
  std::unique_ptr<Timeline> timeline() override;
  std::unique_ptr<Replay> replay() override;

  std::string name() const override;
  std::string description() const override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  void copy_from_host(void* device, const void* host, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void zero(void* p, std::size_t bytes) override;
  void fill(real* p, index n, real value) override;
#define KERNEL(result, name, arguments) result name arguments override;
#include "sim/backend/kernels.inc"
#undef KERNEL
  bool wants_host_offsets(const Linear& l) const override;
  void axpy(real alpha, const real* x, real* y, index n) override;
  double squared_norm_of_all(const std::vector<Values>& arrays) override;
  void adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors) override;

  // Implementation of the kernels above. Public, because nvcc accepts device lambdas in public
  // functions only.
  struct RowTiles;
  // c = alpha · op(a) · op(b) + beta · c by cuBLAS, with factors of type `compute`.
  void multiply_matrices(const Product& p, Compute compute);
  void segment_linear(const Linear& l, real* slope, real* y);
  void segment_dz(const Linear& l, const real* slope, real* dy);
  void segment_gradients(const Linear& l, const real* dz, const LinearGradients& to);
  RowTiles row_tiles(const Linear& l, int size);
  int tile_size(index tiles_if_large) const;
  void grouped_linear(const Linear& l, real* slope, real* y);
  void grouped_gradients(const Linear& l, const real* dz, const LinearGradients& to);
  void clear_tail(const Linear& l, index cols, real* x, real* also);
  void grouped_column_sums(const Linear& l, const RowTiles& cut, const real* dz, Into to);
  void merged_linear(const Linear& l, real* slope, real* y);
  void merged_linear_backward(const Linear& l, const real* dz, const LinearGradients& to);
  // Attention with products on tensor cores, in float.
  void tensor_attention(const Attention& a, real* y, real* lse);
  void tensor_attention_backward(const Attention& a, const real* lse, const real* delta,
                                 const real* dy, real* dqkv);
  // The same in bfloat16 with heads of up to 128 values, where bfloat16_kernels(a).
  static bool bfloat16_kernels(const Attention& a);
  void bfloat16_attention(const Attention& a, real* y, real* lse);
  void bfloat16_attention_backward(const Attention& a, const real* y, const real* lse,
                                   const real* dy, real* dqkv);
  // Sets *p to x, or to a copy rounded to bfloat16, which the returned Storage owns.
  Storage factor(Compute compute, const real* x, index n, const real** p);

 protected:
  void* allocate_raw(std::size_t bytes) override;
  void free_raw(void* block) override;
  bool make_room() override;

 private:
  class GraphReplay;
  // The value at `p` on the device, after all queued work.
  template <class T>
  T to_host_value(const void* p);

  int device_, threads_;
  int multiprocessors_ = 1;
  bool reads_host_memory_ = false;  // the card reads pageable host memory directly
  cuda::Queue stream_;
  cublasHandle_t blas_ = nullptr;
  Storage workspace_;                  // workspace of cuBLAS
  std::vector<GraphReplay*> replays_;  // existing replays
  void* pinned_ = nullptr;             // pinned buffer for single values

  // Cosines and sines of the last rotary call: every layer of a model uses the same table.
  struct {
    index length = 0, head_size = 0;
    real base = 0;
    Storage values;
  } rotary_;
};

}  // namespace moesim
