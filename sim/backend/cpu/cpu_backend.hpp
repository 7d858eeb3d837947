// CpuBackend is the CPU backend: one class, whose kernels are in the files of this folder by
// family.
//
// OpenMP owns the threads; each tile runs on one thread. Tiles are cut by size, never by number of
// threads, and a tile writes only its own outputs. Hence the bits are the same for any number of
// threads.
#pragma once

#include "sim/backend/backend.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace moesim {

class CpuBackend : public Backend {
 public:
  // threads = 0: OMP_NUM_THREADS, else all cores.
  explicit CpuBackend(int threads = 0);
  ~CpuBackend() override;
  int threads() const override { return threads_; }
  // Does not change any bit of results; tests compare.
  void set_threads(int threads) { threads_ = threads; }

  bool on_host() const override { return true; }
  std::string name() const override;
  std::string description() const override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  void copy_from_host(void* device, const void* host, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void zero(void* p, std::size_t bytes) override;
  void fill(real* p, index n, real value) override;
  void product(const Product& p) override;
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
  void sgd(real rate, real momentum, real decay, real gradient_scale, const real* gradient,
           real* value, real* velocity, index n) override;

 protected:
  void* allocate_raw(std::size_t bytes) override;
  void free_raw(void* block) override;

 private:
  void merged_linear(const Linear& l, real* slope, real* y);
  void merged_linear_backward(const Linear& l, const real* slope, real* dy,
                              const LinearGradients& to);
  template <class Of>
  void for_attention_blocks(const Attention& a, Of of);
  // Runs f(tile) for tile = 0 .. tiles-1 on all threads, in no particular order. f must not throw.
  template <class F>
  void for_tiles(index tiles, F&& f) const {
    if (tiles <= 1 || threads_ == 1) {
      for (index tile = 0; tile < tiles; ++tile) f(tile);
      return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_)
    for (index tile = 0; tile < tiles; ++tile) f(tile);
  }
  // Runs f(first, last) over 0 .. n-1 in pieces of `piece`.
  template <class F>
  void for_pieces(index n, index piece, F&& f) const {
    for_tiles((n + piece - 1) / piece,
              [&](index tile) { f(tile * piece, std::min(n, (tile + 1) * piece)); });
  }
  // Rows per tile so that a tile touches about 16,384 values.
  static index row_piece(index cols) {
    return std::max<index>(1, 16384 / std::max<index>(1, cols));
  }

  int threads_ = 1;
};

}  // namespace moesim
