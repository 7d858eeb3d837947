// Replays a training step's passes as a CUDA graph.
//
// The first round runs eagerly: it creates what is created once (gradients, tables, cuBLAS's
// kernels). The second runs eagerly in reserved memory and logs its launches in a Trace. The third
// runs in the same memory and is captured. If both queued the same work, including arguments and
// copied tables, the captured graph is launched, in this round and all later ones. Otherwise all
// rounds run eagerly.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <algorithm>
#include <optional>

namespace moesim {

using cuda::check;
using cuda::Trace;

class CudaBackend::GraphReplay : public Replay {
 public:
  explicit GraphReplay(CudaBackend& backend) : backend_(backend) {
    backend_.replays_.push_back(this);
  }
  ~GraphReplay() override {
    free_all();
    std::erase(backend_.replays_, this);
  }
  GraphReplay(const GraphReplay&) = delete;
  GraphReplay& operator=(const GraphReplay&) = delete;

  bool run(const std::function<void()>& work) override {
    if (graph_ != nullptr) {
      check(cudaGraphLaunch(graph_, backend_.stream_), "launching a graph");
      return true;
    }
    ++rounds_;
    if (!refusal_.empty() || rounds_ == 1)
      work();
    else if (rounds_ == 2)
      observe(work);
    else
      capture(work);
    return false;
  }
  const std::string& refusal() const override { return refusal_; }

  // Gives up the graph, because its memory is needed elsewhere.
  void make_room() {
    if (reserve_ && backend_.stream_.trace == nullptr) give_up("out of device memory while capturing");
  }

 private:
  void observe(const std::function<void()>& work) {
    reserve_.emplace(backend_);
    if (!round(first_, work)) {
      give_up("the round in reserved memory failed");
      work();
    } else if (!first_.refusal().empty()) {
      give_up(first_.refusal());
    }
  }

  void capture(const std::function<void()>& work) {
    // Allocated before the capture, during which nothing may be allocated.
    const std::size_t bytes = std::max<std::size_t>(1, first_.uploads().size());
    cudaError_t status = cudaMallocHost(&uploads_, bytes);
    if (status == cudaSuccess)
      status = cudaStreamBeginCapture(backend_.stream_, cudaStreamCaptureModeThreadLocal);
    Trace trace(static_cast<const char*>(uploads_));
    cudaGraph_t captured = nullptr;
    bool done = status == cudaSuccess;
    if (done) {
      std::copy(first_.uploads().begin(), first_.uploads().end(), static_cast<char*>(uploads_));
      done = round(trace, work);
      status = cudaStreamEndCapture(backend_.stream_, &captured);
    }
    if (done && status == cudaSuccess && trace.refusal().empty() && trace.same(first_))
      status = cudaGraphInstantiate(&graph_, captured, 0);
    if (graph_ != nullptr && status == cudaSuccess)
      status = cudaGraphUpload(graph_, backend_.stream_);  // allocates
    if (captured != nullptr) cudaGraphDestroy(captured);
    if (graph_ != nullptr && status == cudaSuccess) {
      first_ = std::move(trace);  // and the memory that it keeps
      check(cudaGraphLaunch(graph_, backend_.stream_), "launching a graph");
      return;
    }
    cudaGetLastError();  // clears the error, or the next check reports it again
    give_up(!trace.refusal().empty() ? trace.refusal()
            : status != cudaSuccess  ? std::string("CUDA: ") + cudaGetErrorString(status)
                                     : "kernel launches differ between steps");
    work();
  }

  // Runs a round in the memory of `reserve_`. -> did it complete? Errors other than capture errors
  // occur again in the eager round that follows.
  bool round(Trace& trace, const std::function<void()>& work) {
    const Reserve::Round memory(*reserve_);
    backend_.stream_.trace = &trace;
    bool done = true;
    try {
      work();
    } catch (...) {
      done = false;
    }
    backend_.stream_.trace = nullptr;
    return done && memory.complete();
  }

  void give_up(std::string why) {
    refusal_ = std::move(why);
    free_all();
  }

  void free_all() {
    if (graph_ != nullptr) {
      cudaStreamSynchronize(backend_.stream_);
      cudaGraphExecDestroy(graph_);
    }
    if (uploads_ != nullptr) cudaFreeHost(uploads_);
    graph_ = nullptr, uploads_ = nullptr;
    first_ = {};
    reserve_.reset();
  }

  CudaBackend& backend_;
  std::string refusal_;
  int rounds_ = 0;
  Trace first_;
  std::optional<Reserve> reserve_;
  void* uploads_ = nullptr;  // pinned; every launch of the graph reads them
  cudaGraphExec_t graph_ = nullptr;
};

std::unique_ptr<Replay> CudaBackend::replay() {
  return cuda::kCompares ? std::make_unique<GraphReplay>(*this) : nullptr;
}

bool CudaBackend::make_room() {
  for (GraphReplay* replay : replays_) replay->make_room();
  return free_unused();
}

}  // namespace moesim
