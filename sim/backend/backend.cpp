#include "sim/backend/backend.hpp"

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/config/registry.hpp"
#include "sim/core/error.hpp"

namespace moesim {

Storage Backend::allocate(std::size_t bytes) {
  const Chunk chunk = take(bytes);
  return {std::shared_ptr<void>(chunk.p, [this, chunk](void*) { give(chunk); }), bytes, this};
}

void Backend::set_compute(Compute compute) {
  if (compute == Compute::tf32 && !has_tf32())
    fail(Exit::usage, "run.compute = tf32: " + name() +
                          " has no such products in this build; choose float32 or bfloat16");
  compute_ = compute;
}

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
  const std::size_t colon = device.find(':');
  const std::string kind = device.substr(0, colon);
  if (device == "cpu") return std::make_unique<CpuBackend>(threads);
  const auto& others = Registry<Backend>::all();
  const auto found = others.find(kind);
  if (found == others.end()) {
    std::vector<std::string> names = Registry<Backend>::names();
    names.insert(names.begin(), "cpu");
    fail(Exit::usage, "run.device = " + device + ": this build has: " + joined(names));
  }
  int number = 0;
  if (colon != std::string::npos) {
    const std::string digits = device.substr(colon + 1);
    if (digits.empty() || digits.size() > 3 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      fail(Exit::usage, "run.device = " + device + ": expected " + kind + ":NUMBER");
    number = std::stoi(digits);
  }
  return found->second.make(number, threads);
}

}  // namespace moesim
