// Replaying a training step's passes as a CUDA graph.
//
// The first round is done as always: it makes what is made once (gradients, tables, cuBLAS's
// kernels). The second is done with memory of its own and taken down in a trace; the third, with
// the same memory, is captured. Only if both asked for the same, arguments and copied tables
// included, is the graph that came of it launched, in this round and all that follow. Everything
// else is done as always for good.
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

  // Its memory is wanted for something else.
  void make_room() {
    if (reserve_ && backend_.stream_.trace == nullptr) give_up("out of device memory while capturing");
  }

 private:
  void observe(const std::function<void()>& work) {
    reserve_.emplace(backend_);
    if (!round(first_, work)) {
      give_up("it failed with memory of its own");
      work();
    } else if (!first_.refusal().empty()) {
      give_up(first_.refusal());
    }
  }

  void capture(const std::function<void()>& work) {
    // Taken before, because nothing may be allocated while the stream is captured.
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
      status = cudaGraphUpload(graph_, backend_.stream_);  // it takes memory
    if (captured != nullptr) cudaGraphDestroy(captured);
    if (graph_ != nullptr && status == cudaSuccess) {
      first_ = std::move(trace);  // with what it keeps
      check(cudaGraphLaunch(graph_, backend_.stream_), "launching a graph");
      return;
    }
    cudaGetLastError();  // it would be reported again
    give_up(!trace.refusal().empty() ? trace.refusal()
            : status != cudaSuccess  ? std::string("CUDA: ") + cudaGetErrorString(status)
                                     : "kernel launches differ between steps");
    work();
  }

  // A round with the memory of `reserve_`. -> did it come to its end? What stopped it, if it is no
  // matter of capturing, will stop it again when it is done as always.
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
  void* uploads_ = nullptr;  // pinned: the graph reads them in every launch
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
