#include "sim/certify/bank.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace moesim::certificate {

void CountingBackend::product(const Product& p) {
  counted += 2.0 * static_cast<double>(p.batch * p.m * p.n * p.k);
  CpuBackend::product(p);
}

void CountingBackend::linear(const Linear& l, real* slope, real* y) {
  counted += 2.0 * static_cast<double>(l.rows * l.in * l.out);
  CpuBackend::linear(l, slope, y);
}

Bank::Bank(const Subject& subject, const Sites& sites) {
  Made made = make(subject, sites);
  site_ = made.expert_site;
  expert_ = std::move(made.expert);
  start();
}

Bank::Bank(const Subject& subject, const ExpertSite& site)
    : site_(site), expert_(make_expert(subject, site)) {
  start();
}

void Bank::start() {
  for (const Parameter& parameter : expert_->parameters()) {
    parameter.value.allocate(backend_);
    (parameter.frozen ? frozen_ : parameters_).push_back(parameter);
  }
  buffers_ = expert_->buffers();
  randomise(0);
}

void Bank::randomise(std::uint64_t draw) {
  draw_values(parameters_, "expert.", draw, kExpertSpread);
  draw_values(frozen_, "expert.", draw, kExpertSpread);
  initialise(buffers_, backend_, draw);
}

Rows Bank::rows(std::uint64_t draw, const Loads& loads, index behind) {
  std::vector<std::int32_t> offset{0};
  for (const index load : loads) offset.push_back(offset.back() + static_cast<std::int32_t>(load));
  const index count = offset.back() + behind;
  Rows rows{
      Tensor::of({count, site_.width}, normals(draw, "rows", count * site_.width, 1), backend_),
      {Indices::of(offset, backend_), count}};
  rows.x.set_wants_gradient(true);
  return rows;
}

Rows Bank::merged_rows(std::uint64_t draw, const Loads& loads) {
  Rows rows = this->rows(draw, loads);
  const auto segments = static_cast<index>(loads.size());
  std::vector<real> mix = normals(draw, "mix", segments * site_.experts, 1);
  for (auto row = mix.begin(); row != mix.end(); row += site_.experts) {
    std::transform(row, row + site_.experts, row, [](real v) { return std::exp(v); });
    const real sum = std::accumulate(row, row + site_.experts, real{0});
    std::transform(row, row + site_.experts, row, [=](real v) { return v / sum; });
  }
  rows.merge = Tensor::of({segments, site_.experts}, mix, backend_);
  rows.merge.set_wants_gradient(true);
  return rows;
}

namespace {

// Merges every stacked parameter, Σ_e mix[e] · block e, and copies the others.
void merge(const std::vector<Parameter>& from, index experts, const std::vector<real>& mix,
           const std::vector<Parameter>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::vector<real> all = from[i].value.to_host();
    const auto block = static_cast<std::size_t>(to[i].value.size());
    if (block * static_cast<std::size_t>(experts) != all.size()) {
      to[i].value.from_host(all);
      continue;
    }
    std::vector<real> merged(block);
    for (std::size_t j = 0; j < block; ++j) {
      double sum = 0;
      for (std::size_t e = 0; e < mix.size(); ++e)
        sum += static_cast<double>(mix[e]) * static_cast<double>(all[e * block + j]);
      merged[j] = static_cast<real>(sum);
    }
    to[i].value.from_host(merged);
  }
}

}  // namespace

void copy_merged(const Bank& bank, const real* mix, Bank& single) {
  const index experts = bank.site().experts;
  const std::vector<real> weights(mix, mix + experts);
  merge(bank.parameters(), experts, weights, single.parameters());
  merge(bank.frozen(), experts, weights, single.frozen());
  merge(bank.buffers(), experts, weights, single.buffers());
}

void copy_expert(const Bank& bank, index e, Bank& single) {
  std::vector<real> one(static_cast<std::size_t>(bank.site().experts), 0);
  one[static_cast<std::size_t>(e)] = 1;
  copy_merged(bank, one.data(), single);
}

bool can_merge(Bank& bank) {
  try {
    bank.apply(bank.merged_rows(1, {2, 1}));
    return true;
  } catch (const Error&) {
    return false;
  }
}

double change_beyond_rounding(const real* a, const real* b, index count) {
  constexpr double kRounding = kDouble ? 1e-11 : 1e-4;
  double size = 1;
  for (index i = 0; i < count; ++i) size = std::max(size, std::abs(static_cast<double>(a[i])));
  const double change = difference(a, b, count);
  return change <= kRounding * size ? 0 : change;
}

Loads uneven(index experts, index turn) {
  constexpr index kLoads[] = {3, 0, 1, 4};
  Loads loads;
  for (index e = 0; e < experts; ++e) loads.push_back(kLoads[(e + turn) % 4]);
  return loads;
}

}  // namespace moesim::certificate
