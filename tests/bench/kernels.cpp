// Measures the kernels at the sizes of experiments/bench.ini, in bytes or FLOPs per second. The
// rates of large products and of a copy come first, for comparison.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/core/random.hpp"

#include <benchmark/benchmark.h>
#include <vector>

namespace moesim {
namespace {

constexpr index kTokens = 4096, kWidth = 128, kHidden = 512, kExperts = 8;

using Reals = std::vector<real>;

Reals values(std::uint64_t key, index n) {
  const Stream stream{key, Purpose::synthetic, 0, 0};
  Reals x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<real>(random_uniform(stream, i) - 0.5);
  return x;
}

// Threads come from the benchmark's first argument.
CpuBackend backend(const benchmark::State& state) {
  return CpuBackend(static_cast<int>(state.range(0)));
}

void flops(benchmark::State& state, double each) {
  state.counters["FLOP/s"] = benchmark::Counter(each * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}
void bytes(benchmark::State& state, index values_each) {
  state.SetBytesProcessed(state.iterations() * values_each * static_cast<index>(sizeof(real)));
}

void large_product(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  constexpr index n = 768;
  const Reals a = values(1, n * n), b = values(2, n * n);
  Reals c(a.size());
  Product p;
  p.m = p.n = p.k = n;
  p.a = a.data(), p.lda = n, p.b = b.data(), p.ldb = n, p.c = c.data(), p.ldc = n;
  for (auto _ : state) cpu.product(p);
  flops(state, 2.0 * n * n * n);
}

void copy(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const Reals x = values(1, kTokens * kHidden);
  Reals y(x.size());
  for (auto _ : state) cpu.copy(y.data(), x.data(), x.size() * sizeof(real));
  bytes(state, 2 * kTokens * kHidden);
}

struct Rows {
  std::vector<i32> offset;
  Reals x = values(1, kTokens*kWidth), w = values(2, kExperts*kWidth*kHidden),
        bias = values(3, kExperts*kHidden), y = Reals(kTokens * kHidden),
        slope = Reals(kTokens * kHidden);
  // Even segments, or (skew) all rows in one of them.
  Linear layer(index segments, bool skew, Compute compute) {
    for (index s = 0; s <= segments; ++s)
      offset.push_back(
          static_cast<i32>(skew ? (s > segments / 2 ? kTokens : 0) : s * kTokens / segments));
    return {.rows = kTokens,
            .in = kWidth,
            .out = kHidden,
            .segments = segments,
            .offset = offset.data(),
            .x = x.data(),
            .w = w.data(),
            .bias = bias.data(),
            .activation = Activation::gelu,
            .compute = compute};
  }
};

constexpr double kLinearFlops = 2.0 * kTokens * kWidth * kHidden;

void linear(benchmark::State& state, index segments, bool skew, Compute compute) {
  CpuBackend cpu = backend(state);
  Rows rows;
  const Linear l = rows.layer(segments, skew, compute);
  for (auto _ : state) cpu.linear(l, rows.slope.data(), rows.y.data());
  flops(state, kLinearFlops);
}

void linear_backward(benchmark::State& state, index segments, bool skew, Compute compute) {
  CpuBackend cpu = backend(state);
  Rows rows;
  Linear l = rows.layer(segments, skew, compute);
  l.activation = Activation::none;  // else dy would shrink with every turn
  Reals dy = values(4, kTokens * kHidden), dx(rows.x.size()), dw(rows.w.size()),
        dbias(rows.bias.size());
  for (auto _ : state)
    cpu.linear_backward(l, nullptr, dy.data(),
                        {.x = {dx.data()}, .w = {dw.data()}, .bias = {dbias.data()}});
  flops(state, 2 * kLinearFlops);
}

void merged_linear(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  Rows rows;
  Linear l = rows.layer(64, false, Compute::float32);
  const Reals mix = values(5, 64 * kExperts);
  l.experts = kExperts, l.mix = mix.data();
  for (auto _ : state) cpu.linear(l, rows.slope.data(), rows.y.data());
  flops(state, kLinearFlops + 2.0 * 64 * kExperts * kWidth * kHidden);
}

void merged_linear_backward(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  Rows rows;
  Linear l = rows.layer(64, false, Compute::float32);
  const Reals mix = values(5, 64 * kExperts);
  l.experts = kExperts, l.mix = mix.data(), l.activation = Activation::none;
  Reals dy = values(4, kTokens * kHidden), dx(rows.x.size()), dw(rows.w.size()),
        dbias(rows.bias.size()), dmix(mix.size());
  for (auto _ : state)
    cpu.linear_backward(
        l, nullptr, dy.data(),
        {.x = {dx.data()}, .w = {dw.data()}, .bias = {dbias.data()}, .mix = {dmix.data()}});
  flops(state, 2 * (kLinearFlops + 2.0 * 64 * kExperts * kWidth * kHidden));
}

// Causal: the unmasked half counts.
void attention(benchmark::State& state, bool backward) {
  CpuBackend cpu = backend(state);
  const index batch = 16, length = kTokens / batch, heads = 4;
  const Reals qkv = values(1, kTokens * 3 * kWidth), dy = values(2, kTokens * kWidth);
  Reals y(dy.size()), lse(static_cast<std::size_t>(kTokens * heads)), dqkv(qkv.size());
  const Attention a{.batch = batch,
                    .length = length,
                    .heads = heads,
                    .head_size = kWidth / heads,
                    .causal = true,
                    .scale = real(0.18),
                    .qkv = qkv.data()};
  cpu.attention(a, y.data(), lse.data());
  for (auto _ : state)
    if (backward)
      cpu.attention_backward(a, y.data(), lse.data(), dy.data(), dqkv.data());
    else
      cpu.attention(a, y.data(), lse.data());
  flops(state, (backward ? 2 : 1) * 4.0 * kTokens * kWidth * static_cast<double>(length + 1) / 2);
}

void norm(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const Reals x = values(1, kTokens * kWidth), gamma = values(2, kWidth), beta = values(3, kWidth);
  Reals y(x.size()), mean(kTokens), inverse(kTokens);
  for (auto _ : state)
    cpu.norm(NormKind::layer, real(1e-5), x.data(), gamma.data(), beta.data(), y.data(),
             mean.data(), inverse.data(), kTokens, kWidth);
  bytes(state, 2 * kTokens * kWidth);
}

void softmax(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const Reals x = values(1, kTokens * 256);
  Reals y(x.size());
  for (auto _ : state) cpu.softmax({kTokens, 256, 1}, 1, x.data(), y.data());
  bytes(state, 2 * kTokens * 256);
}

void cross_entropy(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const Reals x = values(1, kTokens * 256);
  const std::vector<i32> target(kTokens, 7);
  Reals loss(kTokens), lse(kTokens);
  for (auto _ : state)
    cpu.cross_entropy(x.data(), target.data(), loss.data(), lse.data(), kTokens, 256);
  bytes(state, kTokens * 256);
}

void gather(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const Reals x = values(1, kTokens * kWidth);
  std::vector<i32> row(kTokens);
  for (index i = 0; i < kTokens; ++i)
    row[static_cast<std::size_t>(i)] = static_cast<i32>(i * 1237 % kTokens);
  Reals y(x.size());
  for (auto _ : state) cpu.gather(x.data(), row.data(), y.data(), kTokens, kWidth);
  bytes(state, 2 * kTokens * kWidth);
}

void sort_by_key(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  std::vector<i32> key(kTokens), offset(kExperts + 1), order(kTokens);
  for (index i = 0; i < kTokens; ++i)
    key[static_cast<std::size_t>(i)] = static_cast<i32>(i * 1237 % kExperts);
  for (auto _ : state) cpu.sort_by_key(key.data(), kTokens, kExperts, offset.data(), order.data());
  state.SetItemsProcessed(state.iterations() * kTokens);
}

void adamw(benchmark::State& state) {
  CpuBackend cpu = backend(state);
  const index n = 1 << 20;
  const Reals gradient = values(1, n);
  Reals value = values(2, n), first(value.size(), 0), second(value.size(), 0);
  const AdamW a{.rate = real(1e-3), .beta1 = real(0.9), .beta2 = real(0.95), .epsilon = real(1e-8)};
  for (auto _ : state) cpu.adamw(a, gradient.data(), value.data(), first.data(), second.data(), n);
  bytes(state, 7 * n);
}

void threads(benchmark::internal::Benchmark* b) { b->Arg(1)->Arg(2)->UseRealTime(); }

BENCHMARK(large_product)->Apply(threads);
BENCHMARK(copy)->Apply(threads);
BENCHMARK_CAPTURE(linear, dense, 1, false, Compute::float32)->Apply(threads);
BENCHMARK_CAPTURE(linear, dense_bfloat16, 1, false, Compute::bfloat16)->Apply(threads);
BENCHMARK_CAPTURE(linear, experts, kExperts, false, Compute::float32)->Apply(threads);
BENCHMARK_CAPTURE(linear, one_expert, kExperts, true, Compute::float32)->Apply(threads);
BENCHMARK_CAPTURE(linear_backward, dense, 1, false, Compute::float32)->Apply(threads);
BENCHMARK_CAPTURE(linear_backward, dense_bfloat16, 1, false, Compute::bfloat16)->Apply(threads);
BENCHMARK_CAPTURE(linear_backward, experts, kExperts, false, Compute::float32)->Apply(threads);
BENCHMARK_CAPTURE(linear_backward, one_expert, kExperts, true, Compute::float32)->Apply(threads);
BENCHMARK(merged_linear)->Apply(threads);
BENCHMARK(merged_linear_backward)->Apply(threads);
BENCHMARK_CAPTURE(attention, forward, false)->Apply(threads);
BENCHMARK_CAPTURE(attention, backward, true)->Apply(threads);
BENCHMARK(norm)->Apply(threads);
BENCHMARK(softmax)->Apply(threads);
BENCHMARK(cross_entropy)->Apply(threads);
BENCHMARK(gather)->Apply(threads);
BENCHMARK(sort_by_key)->Apply(threads);
BENCHMARK(adamw)->Apply(threads);

}  // namespace
}  // namespace moesim

BENCHMARK_MAIN();
