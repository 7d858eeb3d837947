#include "sim/transform/fold.hpp"

#include "sim/core/error.hpp"

#include <vector>

namespace moesim {
namespace {

void require_foldable(const Transformer& model) {
  if (model.adapters() == nullptr)
    fail(Exit::usage, "command line: fold: the run has no adapters (adapter.kind); choose another");
  if (model.adapters()->all().front()->config().mixes())
    fail(Exit::usage,
         "command line: fold: the weights of its adapters depend on the token, so no matrix equals "
         "them; choose a run with adapter.kind = lora");
}

// w[g] += scale · a[g] b[g] for stacks of G matrices, w [G, in, out], a [G, in, r], b [G, r, out].
void add_product(HostTensor& w, const HostTensor& a, const HostTensor& b, double scale) {
  const auto in = static_cast<std::size_t>(a.shape[1]), r = static_cast<std::size_t>(a.shape[2]),
             out = static_cast<std::size_t>(b.shape[2]);
  const auto rows = static_cast<std::ptrdiff_t>(a.shape[0]) * static_cast<std::ptrdiff_t>(in);
#pragma omp parallel for
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const auto i = static_cast<std::size_t>(row);
    const std::size_t g = i / in;
    for (std::size_t j = 0; j < out; ++j) {
      double change = 0;
      for (std::size_t k = 0; k < r; ++k)
        change += static_cast<double>(a.values[i * r + k]) *
                  static_cast<double>(b.values[(g * r + k) * out + j]);
      real& value = w.values[i * out + j];
      value = static_cast<real>(static_cast<double>(value) + scale * change);
    }
  }
}

}  // namespace

HostTensors fold_adapters(const HostTensors& tensors, const Transformer& model) {
  require_foldable(model);
  HostTensors folded = tensors;
  for (const auto& adapter : model.adapters()->all()) {
    const auto take = [&](const char* part) {
      return folded.extract("adapters." + adapter->name() + part).mapped();
    };
    const HostTensor a = take(".a"), b = take(".b");
    add_product(folded.at(adapter->name()), a, b, adapter->config().scale());
  }
  return folded;
}

}  // namespace moesim
