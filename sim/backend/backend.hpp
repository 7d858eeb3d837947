// Backend is a device with kernels: the whole hardware interface of moesim, memory and the
// kernels of kernels.inc over plain row-major arrays.
//
// Each kind of device implements every kernel of kernels.inc; ops (sim/ops) are written once
// against that page and check all sizes before a call. Every output element is written by one tile
// with a fixed order of summation, so results do not depend on the number of threads. "acc" adds to
// the output instead of overwriting it.
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
  virtual int threads() const { return 1; }  // of work on the host
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
  virtual std::unique_ptr<Timeline> timeline();
  // Recorder of repeated work; null on a device where replaying gains nothing.
  virtual std::unique_ptr<Replay> replay();

#define KERNEL(result, name, arguments) virtual result name arguments = 0;
#include "sim/backend/kernels.inc"
#undef KERNEL

  // True if host offsets make this layer faster. The caller then sets l.host_offset, which
  // synchronises.
  virtual bool wants_host_offsets(const Linear&) const { return false; }
  // Sum over all arrays; synchronises once.
  virtual double squared_norm_of_all(const std::vector<Values>& arrays);
  virtual void adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors);

 private:
  Compute compute_ = Compute::float32;
};

// Makes the backend of a device: "cpu", or a name of another backend of this build ("cuda:0").
// threads 0: OMP_NUM_THREADS, else all cores. Throws Exit::usage with the devices of this build.
std::unique_ptr<Backend> make_backend(const std::string& device, int threads);

}  // namespace moesim
