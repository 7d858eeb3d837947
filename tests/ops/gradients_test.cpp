// Tests the backward pass of every op against central differences, in double.
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/gradient_check.hpp"

namespace moesim::testing {
namespace {

constexpr double kTolerance = 1e-6;

void check(const char* name, const Function& f, const std::vector<Tensor>& inputs) {
  INFO(name);
  CHECK(gradient_error(f, inputs) <= kTolerance);
}

using In = std::vector<Tensor>;

TEST_CASE("gradients: products", "[ops][gradient]") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const Shape a = ta ? Shape{4, 3} : Shape{3, 4}, b = tb ? Shape{5, 4} : Shape{4, 5};
      check("matmul",
            [=](const In& x) {
              return matmul(x[0], x[1], {ta, tb});
            },
            {random_tensor(1, a), random_tensor(2, b)});
      const Shape ga = ta ? Shape{2, 4, 3} : Shape{2, 3, 4},
                  gb = tb ? Shape{2, 5, 4} : Shape{2, 4, 5};
      check("batched_matmul",
            [=](const In& x) {
              return batched_matmul(x[0], x[1], {ta, tb});
            },
            {random_tensor(1, ga), random_tensor(2, gb)});
    }
  for (const Activation act : {Activation::none, Activation::gelu, Activation::silu,
                               Activation::tanh, Activation::sigmoid}) {
    check("linear", [=](const In& x) { return linear(x[0], x[1], x[2], act); },
          {random_tensor(1, {5, 3}), random_tensor(2, {3, 4}), random_tensor(3, {4})});
    check("linear, residual",
          [=](const In& x) {
            return linear(x[0], x[1], x[2], act, Precision::full, mul(x[3], x[3]));
          },
          {random_tensor(1, {5, 3}), random_tensor(2, {3, 4}), random_tensor(3, {4}),
           random_tensor(4, {5, 4})});
    const Indices offset = Indices::of({0, 2, 2, 7}, backend());  // the second segment is empty
    check("grouped_linear",
          [=](const In& x) {
            return grouped_linear(x[0], x[1], x[2], {offset, 7}, act);
          },
          {random_tensor(1, {7, 3}), random_tensor(2, {3, 3, 4}), random_tensor(3, {3, 4})});
    check("merged_linear",
          [=](const In& x) {
            return merged_linear(x[0], x[1], x[2], {offset, 7}, x[3], act);
          },
          {random_tensor(1, {7, 3}), random_tensor(2, {2, 3, 4}), random_tensor(3, {2, 4}),
           random_tensor(4, {3, 2})});
  }
}

TEST_CASE("gradients: concat_rows", "[ops][gradient]") {
  check("concat_rows",
        [](const In& x) {
          return concat_rows({x[0], x[1], x[0], square(x[2])});
        },
        {random_tensor(1, {2, 3}), random_tensor(2, {1, 3}), random_tensor(3, {4, 3})});
}

TEST_CASE("gradients: elementwise", "[ops][gradient]") {
  const Tensor x = random_tensor(1, {3, 4}), positive = random_tensor(2, {3, 4}, 0.5, 2);
  using One = Tensor (*)(const Tensor&);
  for (const One op : {One{gelu}, One{silu}, One{moesim::tanh}, One{sigmoid}, One{moesim::exp},
                       One{softplus}, One{square}, One{normal_cdf}})
    check("unary", [=](const In& in) { return op(in[0]); }, {x});
  for (const One op : {One{moesim::log}, One{moesim::sqrt}, One{reciprocal}, One{relu}})
    check("unary of positive", [=](const In& in) { return op(in[0]); }, {positive});
  using Two = Tensor (*)(const Tensor&, const Tensor&);
  for (const Two op : {Two{add}, Two{sub}, Two{mul}, Two{div}, Two{swiglu}})
    check("binary", [=](const In& in) { return op(in[0], in[1]); }, {x, positive});
  for (const Two op : {Two{add_row}, Two{mul_row}})
    check("row", [=](const In& in) { return op(in[0], in[1]); }, {x, random_tensor(3, {4})});
  for (const Two op : {Two{add_column}, Two{sub_column}, Two{mul_column}, Two{div_column}})
    check("column", [=](const In& in) { return op(in[0], in[1]); },
          {x, random_tensor(3, {3}, 0.5, 2)});
  check("mul_scalar", [](const In& in) { return mul_scalar(in[0], in[1]); },
        {x, random_tensor(3, {1})});
  check("affine", [](const In& in) { return affine(in[0], 3, -2); }, {x});
  const Stream stream{1, Purpose::dropout, 2, 3};
  check("dropout", [=](const In& in) { return dropout(in[0], real(0.3), stream); }, {x});
  check("dropout_rows",
        [=](const In& in) {
          const Indices key = Indices::of({7, -1, 2}, backend());
          return dropout_rows(in[0], real(0.3), key, stream);
        },
        {x});
  // The same tensor on both sides: gradients add up.
  check("x times x", [](const In& in) { return mul(in[0], in[0]); }, {x});
}

TEST_CASE("gradients: reductions, softmax, norms, loss", "[ops][gradient]") {
  const Tensor x = random_tensor(1, {6, 4});
  check("sum", [](const In& in) { return sum(in[0]); }, {x});
  check("mean", [](const In& in) { return mean(in[0]); }, {x});
  check("sum_rows", [](const In& in) { return sum_rows(in[0], 3); }, {x});
  check("mean_rows", [](const In& in) { return mean_rows(in[0], 2); }, {x});
  check("sum_cols", [](const In& in) { return sum_cols(in[0]); }, {x});
  check("dot_cols", [](const In& in) { return dot_cols(in[0], in[1]); },
        {x, random_tensor(2, {6, 4})});
  check("softmax", [](const In& in) { return softmax(in[0], real(0.7)); }, {x});
  check("softmax along", [](const In& in) { return softmax(in[0], Along{2, 3, 4}); }, {x});
  check("log_sum_exp", [](const In& in) { return log_sum_exp(in[0]); }, {x});
  check("unit_norm rows", [](const In& in) { return unit_norm(in[0], {6, 4, 1}); }, {x});
  check("unit_norm columns", [](const In& in) { return unit_norm(in[0], {1, 6, 4}); }, {x});
  for (const NormKind kind : {NormKind::layer, NormKind::rms})
    check("normalize", [=](const In& in) { return normalize(kind, in[0], in[1], in[2]); },
          {x, random_tensor(2, {4}), random_tensor(3, {4})});
  const Indices target = Indices::of({0, 3, -1, 2, 1, 1}, backend());
  check("cross_entropy", [=](const In& in) { return cross_entropy(in[0], target); }, {x});
}

TEST_CASE("gradients: rows", "[ops][gradient]") {
  const Tensor x = random_tensor(1, {4, 3});
  const Indices row = Indices::of({2, 0, -1, 2, 3}, backend());
  check("gather_rows", [=](const In& in) { return gather_rows(in[0], row); }, {x});
  const Indices token = Indices::of({2, 0, -1, 2}, backend());  // row 2 has no token
  check("combine_rows", [=](const In& in) { return combine_rows(in[0], in[1], token, 3); },
        {x, random_tensor(2, {4})});
  check("combine_rows without gate",
        [=](const In& in) { return combine_rows(in[0], {}, token, 3); }, {x});
  check("swap_blocks", [](const In& in) { return swap_blocks(in[0], 2, 2, 3); }, {x});
  const Indices at = Indices::of({5, -1, 5, 11}, backend());
  check("pick", [=](const In& in) { return pick(in[0], at); }, {x});
  check("reshape",
        [](const In& in) {
          return mul(in[0], in[0].reshape({3, 4}).reshape({4, 3}));
        },
        {x});
}

TEST_CASE("gradients: attention", "[ops][gradient]") {
  for (const bool causal : {false, true}) {
    const AttentionShape shape{2, 5, 2, causal};
    check("attention", [=](const In& in) { return attention(in[0], shape); },
          {random_tensor(1, {10, 3 * 2 * 4})});
    check("rotary", [=](const In& in) { return attention(rotary(in[0], shape), shape); },
          {random_tensor(1, {10, 3 * 2 * 4})});
  }
}

// Both terms of a sum get the same memory as their gradient, until one of them writes to it.
TEST_CASE("gradients: sums of what works in the memory of its gradient", "[ops][gradient]") {
  const Tensor x = random_tensor(1, {4, 3}), w = random_tensor(2, {3, 3});
  const auto layer = [](const In& in) { return linear(in[0], in[1], {}, Activation::gelu); };
  check("x + layer(x)", [=](const In& in) { return add(in[0], layer(in)); }, {x, w});
  check("layer(x) + x", [=](const In& in) { return add(layer(in), in[0]); }, {x, w});
  check("x + x", [](const In& in) { return add(in[0], in[0]); }, {x});
  check("h + h, h = layer(x)",
        [=](const In& in) {
          const Tensor h = layer(in);
          return add(h, h);
        },
        {x, w});
  check("h + layer(h), used between",
        [=](const In& in) {
          const Tensor h = mul(in[0], in[0]), f = layer({h, in[1]}), between = mul(h, in[0]);
          return add(add(h, f), between);
        },
        {x, w});
  const AttentionShape shape{2, 5, 2, true};
  check("qkv + rotary(qkv)", [=](const In& in) { return add(in[0], rotary(in[0], shape)); },
        {random_tensor(3, {10, 3 * 2 * 4})});
}

TEST_CASE("stop_gradient: a constant in both passes", "[ops][gradient]") {
  // d/dx Σ w x·sg(x) = w·x, where ordinary differences would see 2 w x.
  check("stop_gradient", [](const In& in) { return mul(in[0], stop_gradient(in[0])); },
        {random_tensor(1, {5})});
  const Tensor x = random_tensor(1, {5});
  Tape tape;
  const Tape::Scope scope(&tape);
  x.set_wants_gradient(true);
  tape.backward(sum(stop_gradient(x)));
  CHECK_FALSE(x.has_gradient());
}

}  // namespace
}  // namespace moesim::testing
