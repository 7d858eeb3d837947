#include "experiments/commands/limits.hpp"

#include "sim/backend/kernel_arguments.hpp"

#include <algorithm>
#include <limits>

namespace moesim {
namespace {

constexpr int kRepeats = 4;

std::unique_ptr<Backend> another(const Backend& like) {
  std::unique_ptr<Backend> backend = make_backend(like.name(), like.threads());
  backend->set_compute(like.compute());
  return backend;
}

}  // namespace

// CPU: equally many equal tiles for every thread. GPU: products so large that launch time and the
// rounding of factors, which is quadratic in a length where the product is cubic, are negligible.
Limits::Sizes Limits::sizes_for(const Backend& backend) {
  constexpr index kCopied = (256 << 20) / sizeof(real);
  if (backend.name() == "cpu") return {1024 * backend.threads(), 768, 1024, kCopied / 2};
  return {8192, 4096, 8192, kCopied};
}

Limits::Limits(const Backend& like, const Sizes& sizes)
    : sizes_(sizes),
      backend_(another(like)),
      timeline_(backend_->timeline()),
      a_(Tensor::zeros({sizes.rows, sizes.depth}, *backend_)),
      b_(Tensor::zeros({sizes.depth, sizes.cols}, *backend_)),
      c_(Tensor::zeros({sizes.rows, sizes.cols}, *backend_)),
      from_(Tensor::zeros({sizes.copied}, *backend_)),
      to_(Tensor::zeros({sizes.copied}, *backend_)) {
  // A card multiplies equal numbers faster than it multiplies data, because its clock follows its power.
  backend_->uniform({.layer = 0}, -1, 1, a_.data(), a_.size());
  backend_->uniform({.layer = 1}, -1, 1, b_.data(), b_.size());
}

double Limits::best_seconds(const std::function<void()>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRepeats; ++i) {
    timeline_->stamp();
    work();
    timeline_->stamp();
    best = std::min(best, timeline_->take().back());
  }
  return best;
}

Limits::Rates Limits::products() {
  const auto [rows, depth, cols, copied] = sizes_;
  const double work = 2 * static_cast<double>(rows * depth * cols);
  Product p;
  p.m = rows, p.n = cols, p.k = depth;
  p.a = a_.data(), p.lda = depth, p.b = b_.data(), p.ldb = cols, p.c = c_.data(), p.ldc = cols;
  Rates rates{};
  rates.full = rates.compute = work / best_seconds([&] { backend_->product(p); });
  if (backend_->compute() == Compute::float32) return rates;
  Linear l;
  l.rows = rows, l.in = depth, l.out = cols, l.x = a_.data(), l.w = b_.data();
  l.compute = backend_->compute();
  rates.compute = work / best_seconds([&] { backend_->linear(l, nullptr, c_.data()); });
  return rates;
}

double Limits::copies() {
  const auto bytes = static_cast<std::size_t>(sizes_.copied) * sizeof(real);
  return 2 * static_cast<double>(bytes) /
         best_seconds([&] { backend_->copy(to_.data(), from_.data(), bytes); });
}

}  // namespace moesim
