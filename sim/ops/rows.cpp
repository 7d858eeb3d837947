#include "sim/ops/rows.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"

namespace moesim {

RowOrder order_by(const Indices& key, index buckets) {
  Backend& backend = key.backend();
  RowOrder sorted{Indices::empty(buckets + 1, backend), Indices::empty(key.size(), backend)};
  backend.sort_by_key(key.data(), key.size(), buckets, sorted.offset.data(), sorted.order.data());
  return sorted;
}

// dx[r] = Σ_{i: row[i] = r} dy[i]
Tensor gather_rows(const Tensor& x, const Indices& row, const RowOrder& order) {
  Backend& backend = x.backend();
  const index rows = x.rows(), cols = x.cols();
  Tensor y = Tensor::empty({row.size(), cols}, backend);
  backend.gather(x.data(), row.data(), y.data(), row.size(), cols);
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const RowOrder sorted = order ? order : order_by(row, rows);
    const GradientSlot dx = gradient_slot(x);
    backend.combine(dy.data(), nullptr, sorted.offset.data(), sorted.order.data(), dx.p,
                    dx.accumulate, rows, cols);
  });
  return y;
}

// du[i] = gate[i] dy[token[i]]   dgate[i] = u[i] · dy[token[i]]
Tensor combine_rows(const Tensor& u, const Tensor& gate, const Indices& token, index tokens,
                    const RowOrder& order) {
  if (token.size() != u.rows() || (gate && gate.size() != u.rows()))
    fail_in("combine_rows", "tokens and gates do not match the rows of " + u.shape().to_string());
  Backend& backend = u.backend();
  const index cols = u.cols();
  const RowOrder sorted = order ? order : order_by(token, tokens);
  Tensor y = Tensor::empty({tokens, cols}, backend);
  backend.combine(u.data(), gate ? gate.data() : nullptr, sorted.offset.data(), sorted.order.data(),
                  y.data(), false, tokens, cols);
  record(y, {u, gate}, [=, &backend](const Tensor& dy) {
    const GradientSlot du = gradient_slot(u), dgate = gradient_slot(gate);
    backend.combine_backward(dy.data(), token.data(), u.data(), gate ? gate.data() : nullptr, du.p,
                             du.accumulate, dgate.p, dgate.accumulate, u.rows(), cols);
  });
  return y;
}

Tensor concat_rows(const std::vector<Tensor>& parts) {
  if (parts.empty()) fail_in("concat_rows", "no parts");
  index rows = 0;
  const index cols = parts.front().cols();
  for (const Tensor& part : parts) {
    if (part.cols() != cols)
      fail_in("concat_rows",
              part.shape().to_string() + " after " + parts.front().shape().to_string());
    rows += part.rows();
  }
  Backend& backend = parts.front().backend();
  Tensor y = Tensor::empty({rows, cols}, backend);
  index at = 0;
  for (const Tensor& part : parts) {
    backend.copy(y.data() + at, part.data(), static_cast<std::size_t>(part.size()) * sizeof(real));
    at += part.size();
  }
  record(y, parts, [=, &backend](const Tensor& dy) {
    const real* from = dy.data();
    for (const Tensor& part : parts) {
      if (const GradientSlot dx = gradient_slot(part)) {
        if (dx.accumulate)
          backend.axpy(1, from, dx.p, part.size());
        else
          backend.copy(dx.p, from, static_cast<std::size_t>(part.size()) * sizeof(real));
      }
      from += part.size();
    }
  });
  return y;
}

Tensor swap_blocks(const Tensor& x, index outer, index middle, index inner) {
  if (outer * middle * inner != x.size())
    fail_in("swap_blocks", "blocks do not cover " + x.shape().to_string());
  Backend& backend = x.backend();
  Tensor y = Tensor::empty({middle, outer, inner}, backend);
  backend.swap_blocks(x.data(), y.data(), false, outer, middle, inner);
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.swap_blocks(dy.data(), dx.p, dx.accumulate, middle, outer, inner);
  });
  return y;
}

Tensor pick(const Tensor& x, const Indices& at) {
  Backend& backend = x.backend();
  Tensor y = Tensor::empty({at.size()}, backend);
  backend.pick(x.data(), at.data(), y.data(), at.size());
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    if (!dx.accumulate) backend.zero(dx.p, static_cast<std::size_t>(x.size()) * sizeof(real));
    backend.unpick(dy.data(), at.data(), dx.p, at.size());
  });
  return y;
}

}  // namespace moesim
