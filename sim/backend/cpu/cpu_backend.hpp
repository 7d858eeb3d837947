// CpuBackend is the CPU backend: one class, whose kernels are in the files of this folder by
// family.
//
// OpenMP owns the threads; each tile runs on one thread. Tiles are cut by size, never by number of
// threads, and a tile writes only its own outputs. Hence the bits are the same for any number of
// threads.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/kernel_arguments.hpp"

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
#define KERNEL(result, name, arguments) result name arguments override;
#include "sim/backend/kernels.inc"
#undef KERNEL
  void axpy(real alpha, const real* x, real* y, index n) override;

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
