// Backend is a device with kernels: the whole hardware interface of moesim, memory and some sixty
// kernels over plain row-major arrays.
//
// Each kind of device implements every kernel; ops (sim/ops) are written once against this page and
// check all sizes before a call. Every output element is written by one tile with a fixed order of
// summation, so results do not depend on the number of threads. "acc" adds to the output instead of
// overwriting it.
#pragma once

#include "sim/backend/kernels.hpp"
#include "sim/core/device.hpp"
#include "sim/core/profile.hpp"
#include "sim/core/random.hpp"
#include "sim/core/replay.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

class Backend : public Device {
 public:
  using Make = std::function<std::unique_ptr<Backend>(int device, int threads)>;
  virtual std::string name() const = 0;  // "cpu", "cuda:0"
  virtual std::string description()
      const = 0;  // processor or card, instruction set, provider of products
  virtual int threads() const { return 1; }
  // Type of the factors of ops with Precision::compute.
  Compute compute() const { return compute_; }
  void set_compute(Compute compute);
  virtual bool has_tf32() const { return false; }
  // True if its memory is the host's. There, reading values is free; elsewhere it synchronises.
  virtual bool on_host() const { return false; }
  // Blocks until all queued work has finished. Calls that return values to the host synchronise by
  // themselves.
  virtual void wait() {}
  // A clock for the work of this device.
  virtual std::unique_ptr<Timeline> timeline() { return std::make_unique<WallClock>(); }
  // Recorder of repeated work; null on a device where replaying gains nothing.
  virtual std::unique_ptr<Replay> replay() { return nullptr; }

  // Matrix products.
  virtual void product(const Product& p) = 0;
  // True if host offsets make this layer faster. The caller then sets l.host_offset, which
  // synchronises.
  virtual bool wants_host_offsets(const Linear&) const { return false; }
  // y by the formula of Linear. slope gets act'(x·w + bias); null: not kept; Activation::none: not
  // written.
  virtual void linear(const Linear& l, real* slope, real* y) = 0;
  // Backward of linear: overwrites dy with dz = dy ⊙ slope (Activation::none: dz = dy); dx = dz ·
  // wᵀ; for the rows of each segment dw = xᵀ · dz and dbias = column sums of dz. With a mix, each
  // expert gets its share of dw and dbias, and dmix[s, e] = <w[e], dw[s]> + <bias[e], dbias[s]>.
  virtual void linear_backward(const Linear& l, const real* slope, real* dy,
                               const LinearGradients& to) = 0;

  // Attention, with an online softmax: no [length, length] matrix is kept. lse: [batch·length,
  // heads].
  virtual void attention(const Attention& a, real* y, real* lse) = 0;
  virtual void attention_backward(const Attention& a, const real* y, const real* lse,
                                  const real* dy, real* dqkv) = 0;
  // Rotary positions on q and k of qkv in place (Su et al. 2021); sign of the angle: +1, or -1
  // backward.
  virtual void rotary(const Attention& a, real base, int sign, real* qkv) = 0;

  // Elementwise.
  virtual void unary(Unary op, const real* x, real* y, index n) = 0;
  virtual void unary_backward(Unary op, const real* x, const real* y, const real* dy, real* dx,
                              bool acc, index n) = 0;
  // y[r, c] = a[r, c] op b, with b broadcast by `spread`.
  virtual void binary(Binary op, Spread spread, const real* a, const real* b, real* y, index rows,
                      index cols) = 0;
  virtual void scale(real alpha, const real* x, real* y, bool acc, index n) = 0;  // y (+)= alpha x
  virtual void multiply(const real* a, const real* b, real* y, bool acc,
                        index n) = 0;  // y (+)= a b
  // y (+)= x rounded to bfloat16, to the nearest, ties to even.
  virtual void round_bfloat16(const real* x, real* y, bool acc, index n) = 0;
  // y = silu(a) ⊙ b and its backward pass (Shazeer 2020).
  virtual void swiglu(const real* a, const real* b, real* y, index n) = 0;
  virtual void swiglu_backward(const real* a, const real* b, const real* dy, real* da, bool acc_a,
                               real* db, bool acc_b, index n) = 0;
  // y = x · keep / (1 - rate), keep drawn from the stream. Backward is the same call on dy.
  virtual void dropout(const Stream& stream, real rate, const real* x, real* y, bool acc,
                       index n) = 0;

  // Sums, accumulated in double.
  virtual void sum_rows(const real* x, real* y, bool acc, index groups, index rows,
                        index cols) = 0;  // [g, r, c] -> [g, c]
  virtual void sum_cols(const real* x, real* y, bool acc, index rows,
                        index cols) = 0;  // [r, c] -> [r]
  virtual void dot_cols(const real* a, const real* b, real* y, bool acc, index rows,
                        index cols) = 0;  // row-wise dot
  virtual void sum_all(const real* x, real* y, bool acc, index n) = 0;
  virtual double squared_norm(const real* x, index n) = 0;
  // Sum over all arrays; synchronises once.
  virtual double squared_norm_of_all(const std::vector<Values>& arrays);
  virtual bool all_finite(const real* x, index n) = 0;

  // Softmax and norms along an axis.
  virtual void softmax(Along a, real scale, const real* x, real* y) = 0;
  virtual void softmax_backward(Along a, real scale, const real* y, const real* dy, real* dx,
                                bool acc) = 0;
  virtual void log_sum_exp(const real* x, real* y, index rows, index cols) = 0;
  // y = x / sqrt(Σx² + epsilon); inverse: [outer, inner].
  virtual void unit_norm(Along a, real epsilon, const real* x, real* y, real* inverse) = 0;
  virtual void unit_norm_backward(Along a, const real* y, const real* inverse, const real* dy,
                                  real* dx, bool acc) = 0;
  // y = gamma ⊙ (x - mean) / sqrt(var + epsilon) + beta; rms: no mean. gamma, beta may be null.
  virtual void norm(NormKind kind, real epsilon, const real* x, const real* gamma, const real* beta,
                    real* y, real* mean, real* inverse, index rows, index cols) = 0;
  virtual void norm_backward(NormKind kind, const real* x, const real* gamma, const real* mean,
                             const real* inverse, const real* dy, real* dx, bool acc_x,
                             real* dgamma, bool acc_gamma, real* dbeta, bool acc_beta, index rows,
                             index cols) = 0;

  // loss[r] = logsumexp(x[r]) - x[r, target[r]]; 0 if the target is negative.
  virtual void cross_entropy(const real* x, const i32* target, real* loss, real* lse, index rows,
                             index cols) = 0;
  // dx = weight · dy (softmax(x) - onehot(target)), 0 for rows without a target. dy: one value,
  // null: 1. dx may be x.
  virtual void cross_entropy_backward(const real* x, const i32* target, const real* lse,
                                      real weight, const real* dy, real* dx, bool acc, index rows,
                                      index cols) = 0;
  // Number of rows whose largest entry is the target.
  virtual index count_correct(const real* x, const i32* target, index rows, index cols) = 0;

  // Rows.
  virtual void gather(const real* x, const i32* row, real* y, index n,
                      index cols) = 0;  // y[i] = x[row[i]]; 0 if row < 0
  // Stable counting sort: `order` holds the entries of bucket b at offset[b] .. offset[b+1];
  // negative keys are left out, and the rest of `order` is -1.
  virtual void sort_by_key(const i32* key, index n, index buckets, i32* offset, i32* order) = 0;
  // y[t] = Σ_{j in offset[t]..} gate[order[j]] · u[order[j]], in that order; gate null: 1.
  virtual void combine(const real* u, const real* gate, const i32* offset, const i32* order,
                       real* y, bool acc, index tokens, index cols) = 0;
  // du[i] = gate[i] · dy[token[i]]; dgate[i] = u[i] · dy[token[i]] (each may be null); 0 where
  // token[i] < 0.
  virtual void combine_backward(const real* dy, const i32* token, const real* u, const real* gate,
                                real* du, bool acc_u, real* dgate, bool acc_gate, index n,
                                index cols) = 0;
  // [a, b, c, d] -> [b, a, c, d] on blocks of `inner` contiguous values.
  virtual void swap_blocks(const real* x, real* y, bool acc, index outer, index middle,
                           index inner) = 0;
  virtual void pick(const real* x, const i32* at, real* y,
                    index n) = 0;  // y[i] = x[at[i]]; 0 if at < 0
  virtual void unpick(const real* dy, const i32* at, real* dx,
                      index n) = 0;  // dx[at[i]] += dy[i], in order of i

  // Choice. Largest value first, ties to the lower index.
  virtual void top_k(const real* x, i32* choice, index rows, index cols, index k) = 0;
  // For every group [rows, cols] and column: the k rows with the largest values, [groups, cols, k],
  // best first.
  virtual void top_k_rows(const real* x, i32* chosen, index groups, index rows, index cols,
                          index k) = 0;
  // kept [tokens, k]: the choice, or -1 if the expert was full.
  virtual void fill_capacity(const Fill& f, i32* kept) = 0;
  virtual void histogram(const i32* key, index n, index buckets,
                         i32* count) = 0;  // negative keys are left out

  // Integer arrays.
  virtual void map_indices(const IndexMap& map, const i32* x, i32* y) = 0;
  // y[i] = table[at[i]]; -1 if at < 0
  virtual void look_up(const i32* table, const i32* at, i32* y, index n) = 0;
  // y[i] = a[i] < b[i] ? yes[i] : no[i]; null: -1
  virtual void where_less(const real* a, const real* b, const i32* yes, const i32* no, i32* y,
                          index n) = 0;
  virtual void to_real(const i32* x, double factor, real* y, index n) = 0;  // y = factor x
  virtual void add_indices(const i32* x, i32* y, index n) = 0;              // y += x

  // Sums over routed rows, in double, in an order that depends on sizes alone. key[i] =
  // domain[token[i]] · segments + (the segment of offset that holds row i); -1 if token[i] < 0.
  // Null token: token i; null domain: 0; null offset: segment 0.
  virtual void label_rows(const i32* offset, index segments, const i32* token, const i32* domain,
                          i32* key, index n) = 0;
  // y[k, c] = Σ_{i: key[i] = k} Σ_{j < inner} x[row[i], c · inner + j]; negative keys are left out.
  // Null x: 1; null row: row i; null key: 0.
  virtual void sum_by_key(const real* x, const i32* row, const i32* key, double* y, index n,
                          index keys, index cols, index inner) = 0;
  // y = Σ_r H(x[r] / Σ_c x[r, c]), H(p) = -Σ p ln p; rows without a positive value count 0.
  virtual void sum_entropy(const real* x, double* y, index rows, index cols) = 0;

  // Random numbers, equal on every device: y[i] is draw i of the stream.
  virtual void uniform(const Stream& stream, real low, real high, real* y, index n) = 0;
  virtual void normal(const Stream& stream, real* y, index n) = 0;

  // Optimisers.
  virtual void adamw(const AdamW& a, const real* gradient, real* value, real* first, real* second,
                     index n) = 0;
  virtual void adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors);
  virtual void sgd(real rate, real momentum, real decay, real gradient_scale, const real* gradient,
                   real* value, real* velocity, index n) = 0;

 private:
  Compute compute_ = Compute::float32;
};

// Makes the backend of a device: "cpu", or a name of another backend of this build ("cuda:0").
// threads 0: OMP_NUM_THREADS, else all cores. Throws Exit::usage with the devices of this build.
std::unique_ptr<Backend> make_backend(const std::string& device, int threads);

}  // namespace moesim
