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

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <string>
#include <vector>

namespace moesim {

class CudaBackend : public Backend {
 public:
  explicit CudaBackend(int device);
  ~CudaBackend() override;
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;
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
  void product(const Product& p) override;
  bool wants_host_offsets(const Linear& l) const override;
  void linear(const Linear& l, real* slope, real* y) override;
  void linear_backward(const Linear& l, const real* slope, real* dy,
                       const LinearGradients& to) override;
  void attention(const Attention& a, real* y, real* lse) override;
  void attention_backward(const Attention& a, const real* y, const real* lse, const real* dy,
                          real* dqkv) override;
  void rotary(const Attention& a, real base, int sign, real* qkv) override;
  void unary(Unary op, const real* x, real* y, index n) override;
  void unary_backward(Unary op, const real* x, const real* y, const real* dy, real* dx, bool acc,
                      index n) override;
  void binary(Binary op, Spread spread, const real* a, const real* b, real* y, index rows,
              index cols) override;
  void axpy(real alpha, const real* x, real* y, index n) override;
  void scale(real alpha, const real* x, real* y, bool acc, index n) override;
  void multiply(const real* a, const real* b, real* y, bool acc, index n) override;
  void round_bfloat16(const real* x, real* y, bool acc, index n) override;
  void swiglu(const real* a, const real* b, real* y, index n) override;
  void swiglu_backward(const real* a, const real* b, const real* dy, real* da, bool acc_a, real* db,
                       bool acc_b, index n) override;
  void dropout(const Stream& stream, real rate, const real* x, real* y, bool acc, index n) override;
  void sum_rows(const real* x, real* y, bool acc, index groups, index rows, index cols) override;
  void sum_cols(const real* x, real* y, bool acc, index rows, index cols) override;
  void dot_cols(const real* a, const real* b, real* y, bool acc, index rows, index cols) override;
  void sum_all(const real* x, real* y, bool acc, index n) override;
  double squared_norm(const real* x, index n) override;
  double squared_norm_of_all(const std::vector<Values>& arrays) override;
  bool all_finite(const real* x, index n) override;
  void softmax(Along a, real scale, const real* x, real* y) override;
  void softmax_backward(Along a, real scale, const real* y, const real* dy, real* dx,
                        bool acc) override;
  void log_sum_exp(const real* x, real* y, index rows, index cols) override;
  void unit_norm(Along a, real epsilon, const real* x, real* y, real* inverse) override;
  void unit_norm_backward(Along a, const real* y, const real* inverse, const real* dy, real* dx,
                          bool acc) override;
  void norm(NormKind kind, real epsilon, const real* x, const real* gamma, const real* beta,
            real* y, real* mean, real* inverse, index rows, index cols) override;
  void norm_backward(NormKind kind, const real* x, const real* gamma, const real* mean,
                     const real* inverse, const real* dy, real* dx, bool acc_x, real* dgamma,
                     bool acc_gamma, real* dbeta, bool acc_beta, index rows, index cols) override;
  void cross_entropy(const real* x, const i32* target, real* loss, real* lse, index rows,
                     index cols) override;
  void cross_entropy_backward(const real* x, const i32* target, const real* lse, real weight,
                              const real* dy, real* dx, bool acc, index rows, index cols) override;
  index count_correct(const real* x, const i32* target, index rows, index cols) override;
  void gather(const real* x, const i32* row, real* y, index n, index cols) override;
  void sort_by_key(const i32* key, index n, index buckets, i32* offset, i32* order) override;
  void combine(const real* u, const real* gate, const i32* offset, const i32* order, real* y,
               bool acc, index tokens, index cols) override;
  void combine_backward(const real* dy, const i32* token, const real* u, const real* gate, real* du,
                        bool acc_u, real* dgate, bool acc_gate, index n, index cols) override;
  void swap_blocks(const real* x, real* y, bool acc, index outer, index middle,
                   index inner) override;
  void pick(const real* x, const i32* at, real* y, index n) override;
  void unpick(const real* dy, const i32* at, real* dx, index n) override;
  void top_k(const real* x, i32* choice, index rows, index cols, index k) override;
  void top_k_rows(const real* x, i32* chosen, index groups, index rows, index cols,
                  index k) override;
  void fill_capacity(const Fill& f, i32* kept) override;
  void histogram(const i32* key, index n, index buckets, i32* count) override;
  void map_indices(const IndexMap& map, const i32* x, i32* y) override;
  void look_up(const i32* table, const i32* at, i32* y, index n) override;
  void where_less(const real* a, const real* b, const i32* yes, const i32* no, i32* y,
                  index n) override;
  void to_real(const i32* x, double factor, real* y, index n) override;
  void add_indices(const i32* x, i32* y, index n) override;
  void label_rows(const i32* offset, index segments, const i32* token, const i32* domain, i32* key,
                  index n) override;
  void sum_by_key(const real* x, const i32* row, const i32* key, double* y, index n, index keys,
                  index cols, index inner) override;
  void sum_entropy(const real* x, double* y, index rows, index cols) override;
  void uniform(const Stream& stream, real low, real high, real* y, index n) override;
  void normal(const Stream& stream, real* y, index n) override;
  void adamw(const AdamW& a, const real* gradient, real* value, real* first, real* second,
             index n) override;
  void adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors) override;
  void sgd(real rate, real momentum, real decay, real gradient_scale, const real* gradient,
           real* value, real* velocity, index n) override;

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

  int device_;
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
