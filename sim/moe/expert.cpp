#include "sim/moe/expert.hpp"

#include "sim/core/error.hpp"
#include "sim/nn/adapter.hpp"
#include "sim/nn/context.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {

template class Registry<Expert>;
template struct Registered<Expert>;

void register_expert(std::string_view name, std::string_view summary,
                     std::unique_ptr<Expert> (*make)(const ExpertSite&, Options&)) {
  Registry<Expert>::add({std::string(name), std::string(summary), make});
}

namespace {

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::silu:
      return silu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
  }
  return x;
}

// Dropout by which the draws of a row depend on its token and expert, and not on the position of the
// row. Needs Rows::tokens.
Tensor drop_rows(const Rows& rows, const Tensor& x, real rate, const Stream& stream) {
  if (!rows.token && (rows.merge || rows.segments.pieces() == 1)) return dropout(x, rate, stream);
  Backend& backend = x.backend();
  const index N = x.rows(), T = rows.tokens->x.rows();
  const Indices token = map_indices({.shape = {T, 1, 1}, .add = {1}}, backend);  // 0, 1, ...
  const Indices key = Indices::empty(N, backend);  // token · pieces + piece
  backend.label_rows(rows.segments.offset.data(), rows.segments.pieces(),
                     rows.token ? rows.token.data() : nullptr, token.data(), key.data(), N);
  return dropout_rows(x, rate, key, stream);
}

}  // namespace

Tensor grouped_linear(const Rows& rows, const Tensor& w, const Tensor& bias,
                      Activation activation) {
  if (rows.merge) return merged_linear(rows.x, w, bias, rows.segments, rows.merge, activation);
  if (rows.tokens == nullptr) return grouped_linear(rows.x, w, bias, rows.segments, activation);
  const Context& context = rows.tokens->context;
  if (context.on_product) context.on_product(w, rows);
  const Adapter* adapter = adapter_of(w, context);
  if (adapter == nullptr) return grouped_linear(rows.x, w, bias, rows.segments, activation);
  const auto times = [&](const Tensor& x, const Tensor& matrix) {
    return grouped_linear(x, matrix, {}, rows.segments);
  };
  const Tensor dropped = adapter->drops(context)
                             ? drop_rows(rows, rows.x, adapter->dropout(), adapter->stream(context))
                             : rows.x;
  return activate(
      adapter->forward(rows.x, dropped, grouped_linear(rows.x, w, bias, rows.segments), times),
      activation);
}

index Expert::parameters_per_expert() const {
  index values = 0;
  for (const Parameter& p : parameters())
    if (!p.frozen) values += p.value.size();
  return values / experts();
}

bool HiddenUnits::any() const {
  return std::any_of(parts.begin(), parts.end(), [](const Part& part) {
    return part.role != Role::out_bias && part.role != Role::whole;
  });
}

Tensor Expert::drop(const Rows& rows, const Tensor& hidden) const {
  if (site_.dropout == 0) return hidden;
  if (rows.tokens == nullptr)
    fail_in(Exit::usage, "expert.dropout",
            "this router mixes tokens, and draws are by token; set 0");
  const Context& context = rows.tokens->context;
  if (!context.training) return hidden;
  return drop_rows(rows, hidden, static_cast<real>(site_.dropout),
                   context.stream(Purpose::expert_dropout, site_.bank));
}

Tensor Expert::apply(const Rows& rows) const {
  const Span span(Part::experts);
  return forward(rows);
}

HiddenUnits Expert::hidden_units() const { return {}; }

std::vector<Expert::Adapted> Expert::adapted() const { return {}; }

double Expert::kept_values_per_row() const {
  const auto D = static_cast<double>(site_.width);
  return 2 * D + flops_per_row() / (2 * D);
}

Expert::~Expert() = default;

}  // namespace moesim
