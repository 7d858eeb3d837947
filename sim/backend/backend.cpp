#include "sim/backend/backend.hpp"

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/registry.hpp"
#include "sim/core/error.hpp"

namespace moesim {
namespace {

struct Named {
  const Plugin<Backend>* kind;  // null: the CPU
  int number;
};

Named find_device(const std::string& name) {
  if (name == "cpu") return {nullptr, 0};
  const std::size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const auto& others = Registry<Backend>::all();
  const auto found = others.find(kind);
  if (found == others.end()) {
    std::vector<std::string> names = Registry<Backend>::names();
    names.insert(names.begin(), "cpu");
    const bool is_double = sizeof(real) == sizeof(double);
    fail(Exit::usage, "run.device = " + name + ": this build has: " + joined(names) +
                          (kind == "cuda" && is_double
                               ? "; CUDA in double is built with MOESIM_CUDA and MOESIM_CUDA_DOUBLE"
                               : ""));
  }
  int number = 0;
  if (colon != std::string::npos) {
    const std::string digits = name.substr(colon + 1);
    if (digits.empty() || digits.size() > 3 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      fail(Exit::usage, "run.device = " + name + ": expected " + kind + ":NUMBER");
    number = std::stoi(digits);
  }
  return {&found->second, number};
}

class StandIn : public CpuBackend {
 public:
  StandIn(std::string device, int threads) : CpuBackend(threads), name_(std::move(device)) {}
  std::string name() const override { return name_; }
  std::string description() const override { return "stand-in for planning"; }
  // Assumes tf32 for every other device; a device without tf32 refuses it when it is made.
  bool has_tf32() const override { return sizeof(real) == sizeof(float); }

 private:
  void* allocate_raw(std::size_t) override {
    fail(Exit::internal, name_ + ": allocation on a stand-in while a run is planned");
  }
  std::string name_;
};

}  // namespace

Backend& Storage::backend() const { return static_cast<Backend&>(*device_); }

void Backend::set_compute(Compute compute) {
  if (compute == Compute::tf32 && !has_tf32())
    fail(Exit::usage, "run.compute = tf32: " + name() +
                          " has no such products in this build; choose float32 or bfloat16");
  compute_ = compute;
}

std::unique_ptr<Timeline> Backend::timeline() { return wall_clock(); }

std::unique_ptr<Replay> Backend::replay() { return nullptr; }

double Backend::squared_norm_of_all(const std::vector<Values>& arrays) {
  double sum = 0;
  for (const Values& values : arrays) sum += squared_norm(values.p, values.n);
  return sum;
}

void Backend::adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors) {
  AdamW of_tensor = a;
  for (const AdamWTensor& t : tensors) {
    of_tensor.decay = t.decay;
    adamw(of_tensor, t.gradient, t.value, t.first, t.second, t.n);
  }
}

std::unique_ptr<Backend> make_backend(const std::string& device, int threads) {
  const auto [kind, number] = find_device(device);
  if (kind == nullptr) return std::make_unique<CpuBackend>(threads);
  return kind->make(number, threads);
}

std::unique_ptr<Backend> stand_in(const std::string& device, int threads) {
  if (find_device(device).kind == nullptr) return make_backend(device, threads);
  return std::make_unique<StandIn>(device, threads);
}

}  // namespace moesim
