// The timeline of a stream: events between pieces of work. An event costs the host about a
// microsecond and does not stall the device. Events are reused.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <utility>
#include <vector>

namespace moesim {
namespace {

using cuda::check;

class Events : public Timeline {
 public:
  explicit Events(cudaStream_t stream) : stream_(stream) {}
  ~Events() override {
    for (const cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void stamp() override {
    if (used_ == events_.size()) {
      cudaEvent_t event = nullptr;
      check(cudaEventCreate(&event), "making an event");
      events_.push_back(event);
    }
    check(cudaEventRecord(events_[used_++], stream_), "stamping the stream");
  }

  std::vector<double> take() override {
    std::vector<double> seconds;
    if (used_ == 0) return seconds;
    check(cudaEventSynchronize(events_[used_ - 1]), "waiting for the device");
    for (std::size_t i = 1; i < used_; ++i) {
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, events_[i - 1], events_[i]), "reading the time");
      seconds.push_back(1e-3 * double(milliseconds));
    }
    std::swap(events_[0], events_[used_ - 1]);
    used_ = 1;
    return seconds;
  }

 private:
  cudaStream_t stream_;
  std::vector<cudaEvent_t> events_;
  std::size_t used_ = 0;
};

}  // namespace

std::unique_ptr<Timeline> CudaBackend::timeline() { return std::make_unique<Events>(stream_); }

}  // namespace moesim
