#include "sim/ops/loss.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {
namespace {

void check(const Tensor& logits, const Indices& target) {
  if (target.size() != logits.rows())
    fail_in("cross_entropy",
            std::to_string(target.size()) + " targets for logits " + logits.shape().to_string());
}

index count_targets(const Indices& target) {
  const std::vector<std::int32_t> host = target.to_host();
  return std::count_if(host.begin(), host.end(), [](std::int32_t id) { return id >= 0; });
}

}  // namespace

// dlogits = dy / n · (softmax(logits) - onehot(target))
Tensor cross_entropy(const Tensor& logits, const Indices& target, index n) {
  check(logits, target);
  if (n < 0) n = count_targets(target);
  if (n == 0) fail_in("cross_entropy", "no target in " + logits.shape().to_string());
  Backend& backend = logits.backend();
  const index rows = logits.rows(), cols = logits.cols();
  const real weight = real{1} / static_cast<real>(n);
  Tensor loss = Tensor::empty({rows}, backend), lse = Tensor::empty({rows}, backend);
  backend.cross_entropy(logits.data(), target.data(), loss.data(), lse.data(), rows, cols);
  Tensor y = Tensor::empty({1}, backend);
  backend.sum_all(loss.data(), y.data(), false, rows);
  backend.scale(weight, y.data(), y.data(), false, 1);
  record(y, {logits}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(logits);
    backend.cross_entropy_backward(logits.data(), target.data(), lse.data(), weight, dy.data(),
                                   dx.p, dx.accumulate, rows, cols);
  });
  return y;
}

Tensor cross_entropy_rows(const Tensor& logits, const Indices& target) {
  check(logits, target);
  Backend& backend = logits.backend();
  Tensor loss = Tensor::empty({logits.rows()}, backend),
         lse = Tensor::empty({logits.rows()}, backend);
  backend.cross_entropy(logits.data(), target.data(), loss.data(), lse.data(), logits.rows(),
                        logits.cols());
  return loss;
}

}  // namespace moesim
