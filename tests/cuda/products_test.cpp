// Tests products, linear layers over every kind of segment, and attention on the device.
#include "tests/cuda/support.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("cuda: products", "[cuda]") {
  Backend* cuda = card("products");
  if (!cuda) return;
  struct Case {
    index m, n, k, batch;
  };
  for (const auto& [m, n, k, batch] :
       {Case{0, 3, 2, 1}, {1, 1, 1, 1}, {3, 5, 0, 2}, {7, 13, 11, 3}, {65, 33, 70, 1}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const bool acc : {false, true})
          agree(*cuda, allowed(k), [&, m = m, n = n, k = k, batch = batch](Lab& lab) {
            Product p;
            p.m = m, p.n = n, p.k = k, p.batch = batch;
            p.transpose_a = ta, p.transpose_b = tb, p.acc = acc, p.alpha = real(0.7);
            // Matrices inside wider ones.
            p.lda = (ta ? m : k) + 2, p.ldb = (tb ? k : n) + 1, p.ldc = n + 3;
            p.stride_a = (ta ? k : m) * p.lda, p.stride_b = (tb ? n : k) * p.ldb;
            p.stride_c = m * p.ldc;
            p.a = lab.in(batch * p.stride_a + 1), p.b = lab.in(batch * p.stride_b + 1);
            p.c = lab.out(batch * p.stride_c);
            lab.backend().product(p);
          });
}

// Forward and all pull-backs of a layer. known: the host has the offsets too.
void check_layer(Backend& cuda, const std::vector<i32>& offset, Linear l, double allowed,
                 bool known = false) {
  agree(cuda, allowed, [&](Lab& lab) {
    Linear here = l;
    const index banks = l.experts > 0 ? l.experts : l.segments;
    if (!offset.empty()) here.offset = lab.ints(offset);
    if (known) here.host_offset = offset.data();
    here.x = lab.in(l.rows * l.in), here.w = lab.in(banks * l.in * l.out, -1, 1);
    here.bias = l.activation != Activation::silu ? lab.in(banks * l.out) : nullptr;
    if (offset.empty() && here.bias) here.residual = lab.in(l.rows * l.out);
    if (l.experts > 0) here.mix = lab.in(l.segments * l.experts, 0, 1);
    real *y = lab.out(l.rows * l.out), *slope = lab.out(l.rows * l.out);
    lab.backend().linear(here, nullptr, y);
    lab.backend().linear(here, slope, y);
    for (const bool acc : {false, true}) {
      real* dy = lab.out(l.rows * l.out);
      LinearGradients to;
      to.x = {lab.out(l.rows * l.in), acc};
      to.w = {lab.out(banks * l.in * l.out), acc};
      if (here.bias) to.bias = {lab.out(banks * l.out), acc};
      if (here.mix) to.mix = {lab.out(l.segments * l.experts), acc};
      lab.backend().linear_backward(here, slope, dy, to);
    }
    real* dy = lab.out(l.rows * l.out);
    lab.backend().linear_backward(here, slope, dy, {.w = {lab.out(banks * l.in * l.out), false}});
    if (here.mix)
      lab.backend().linear_backward(here, slope, dy,
                                    {.mix = {lab.out(l.segments * l.experts), true}});
  });
}

TEST_CASE("cuda: linear layers over rows of experts", "[cuda]") {
  Backend* cuda = card("linear layers over rows of experts");
  if (!cuda) return;
  // Nobody, a crowd of more than two tiles, one, nobody; and rows of no segment behind the last.
  const std::vector<i32> offset = {0, 0, 150, 151, 151, 215};
  for (const Activation activation : {Activation::none, Activation::relu, Activation::gelu,
                                      Activation::silu, Activation::tanh, Activation::sigmoid}) {
    CAPTURE(static_cast<int>(activation));
    Linear l;
    l.rows = 220, l.in = 19, l.out = 70, l.segments = 5, l.activation = activation;
    check_layer(*cuda, offset, l, allowed(150));
  }
  std::vector<i32> many = {0};  // more segments than threads of a block, most of them small
  for (i32 s = 0; s < 300; ++s) many.push_back(many.back() + s % 3);
  Linear l;
  l.rows = many.back(), l.in = 5, l.out = 3, l.segments = 300, l.activation = Activation::tanh;
  check_layer(*cuda, many, l, allowed());
  l.rows = 0, l.segments = 2, l.in = 65;  // no rows at all
  check_layer(*cuda, {0, 0, 0}, l, allowed());
  // Segments that fill the emulation's card one by one, behind rows of none.
  l.rows = 600, l.segments = 3, l.in = 140, l.out = 257, l.activation = Activation::gelu;
  check_layer(*cuda, {5, 395, 395, 590}, l, allowed(400), true);
}

TEST_CASE("cuda: linear layers of one segment and of equal ones", "[cuda]") {
  Backend* cuda = card("linear layers of one segment and of equal ones");
  if (!cuda) return;
  Linear l;
  l.rows = 67, l.in = 19, l.out = 33, l.activation = Activation::gelu;
  check_layer(*cuda, {}, l, allowed(67));
  l.activation = Activation::silu;  // no bias
  check_layer(*cuda, {}, l, allowed(67));
  l.segments = 4, l.each = 11, l.rows = 44, l.activation = Activation::relu;
  check_layer(*cuda, {0, 11, 22, 33, 44}, l, allowed(20));
}

TEST_CASE("cuda: linear layers in bfloat16", "[cuda]") {
  Backend* cuda = card("linear layers in bfloat16");
  if (!cuda) return;
  Linear l;
  l.compute = Compute::bfloat16, l.activation = Activation::none;
  l.rows = 80, l.in = 40, l.out = 24;
  check_layer(*cuda, {}, l, allowed(80));
  l.segments = 3;
  check_layer(*cuda, {0, 70, 70, 80}, l, allowed(80));
  l.segments = 4, l.each = 20;
  check_layer(*cuda, {0, 20, 40, 60, 80}, l, allowed(80));
}

TEST_CASE("cuda: merged linear layers", "[cuda]") {
  Backend* cuda = card("merged linear layers");
  if (!cuda) return;
  Linear l;
  l.in = 23, l.out = 37, l.activation = Activation::gelu;
  for (const index experts : {1, 3, 17}) {
    l.experts = experts;
    l.rows = 90, l.segments = 5, l.each = 0;
    check_layer(*cuda, {0, 7, 7, 8, 80, 90}, l, allowed(1000));
    l.segments = 6, l.each = 15;
    check_layer(*cuda, {0, 15, 30, 45, 60, 75, 90}, l, allowed(1000));
    if (!kDouble) continue;  // in float a merged weight may lie on the other side of a tie
    l.compute = Compute::bfloat16;
    check_layer(*cuda, {0, 15, 30, 45, 60, 75, 90}, l, allowed(1000));
    l.compute = Compute::float32;
  }
  // More than are merged at once.
  l.in = 700, l.out = 800, l.experts = 1, l.rows = 4, l.segments = 2, l.each = 2;
  check_layer(*cuda, {0, 2, 4}, l, allowed(100000));
  l.each = 0;
  check_layer(*cuda, {0, 2, 4}, l, allowed(100000));
}

TEST_CASE("cuda: attention", "[cuda]") {
  Backend* cuda = card("attention");
  if (!cuda) return;
  struct Case {
    index batch, length, heads, size;
  };
  for (const auto& [batch, length, heads, size] : {Case{0, 3, 2, 8},
                                                   {1, 1, 1, 1},
                                                   {2, 17, 3, 5},
                                                   {1, 67, 1, 33},
                                                   {1, 131, 2, 40},
                                                   {1, 35, 1, 128},
                                                   {1, 66, 1, 150}})
    for (const bool causal : {false, true})
      agree(*cuda, allowed(length),
            [&, batch = batch, length = length, heads = heads, size = size](Lab& lab) {
              Attention a;
              a.batch = batch, a.length = length, a.heads = heads, a.head_size = size;
              a.causal = causal, a.scale = real(0.4);
              const index rows = batch * length, width = heads * size;
              real* turned = lab.out(rows * 3 * width);
              for (const int sign : {1, -1, 1}) lab.backend().rotary(a, 10000, sign, turned);
              lab.backend().rotary(a, 100, 1, turned);
              a.qkv = turned;
              real *y = lab.out(rows * width), *lse = lab.out(rows * heads);
              lab.backend().attention(a, y, lse);
              lab.backend().attention_backward(a, y, lse, lab.in(rows * width),
                                               lab.out(rows * 3 * width));
            });
}

}  // namespace
}  // namespace moesim::testing
