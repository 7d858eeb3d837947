#include "sim/nn/adapter.hpp"

#include "sim/core/random.hpp"
#include "sim/nn/context.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace moesim {
namespace {

using Kind = AdapterConfig::Kind;

constexpr Named<Kind> kKinds[] = {{"none", Kind::none},
                                  {"lora", Kind::lora},
                                  {"molora", Kind::molora},
                                  {"loramoe", Kind::loramoe},
                                  {"mov", Kind::mov}};

std::string formula(const AdapterConfig& c) {
  const std::string mixed =
      fmt::format("p = softmax(x R) over n = {} experts, R [in, n]", c.experts);
  const std::string scale = fmt::format("α/r = {:g}/{}", c.alpha, c.rank);
  if (c.kind == Kind::mov)
    return fmt::format("y = (x W + b) ⊙ (1 + Σ_e p_e d_e), d = 0 at the start; {}", mixed);
  if (c.kind == Kind::lora)
    return fmt::format("y = x W + b + α/r · x A B, {}; A [in, r], B [r, out], B = 0 at the start",
                       scale);
  return fmt::format(
      "y = x W + b + α/r · Σ_e p_e x A_e B_e, {}; A_e [in, r], B_e [r, out], B = 0 at the start; "
      "{}",
      scale, mixed);
}

}  // namespace

AdapterConfig AdapterConfig::read(Settings& settings) {
  Options options(settings, "adapter");
  AdapterConfig c;
  c.kind =
      options.choice("kind", Kind::none, kKinds,
                     "what is trained on frozen matrices: a low-rank change (lora), a mixture of "
                     "them (molora, loramoe) or of factors on outputs (mov)");
  const bool single = c.kind == Kind::lora;
  c.rank = options.integer("rank", single ? 16 : 4, {1, 1 << 16},
                           "rank of a change; the default is 16 with kind = lora");
  c.alpha = options.number("alpha", single ? 32 : 16, {1e-6, 1e6},
                           "α; changes are scaled by α / rank; the default is 32 with kind = lora");
  c.experts = options.integer("experts", single ? 1 : 10, {1, 1024},
                              "experts that a mixture has per matrix; lora has one");
  c.dropout =
      options.number("dropout", 0, {0, 0.99}, "dropout rate on the input of a change, in training");
  c.targets = options.text("targets", "*",
                           "adapted matrices: shell patterns for their full names, as in "
                           "freeze.parameters; those of attention, networks and experts can be");
  if (single && c.experts != 1) options.reject("experts", "lora has one; choose molora or loramoe");
  // A stored config has the defaults.
  const char* const mov = "mov has no low-rank changes; leave it out, or choose molora";
  if (!c.low_rank() && c.rank != 4) options.reject("rank", mov);
  if (!c.low_rank() && c.alpha != 16) options.reject("alpha", mov);
  if (!c.low_rank() && c.dropout > 0)
    options.reject("dropout", "mov has no low-rank changes; set 0");
  for (const char* key : {"kind", "rank", "alpha", "experts", "dropout", "targets"})
    options.keep_silent(key);
  if (c.any()) options.explain(Topic::state, formula(c));
  if (c.dropout > 0)
    options.explain(Topic::state,
                    fmt::format("in training each value of the x of A is 0 with probability {0:g}, "
                                "else divided by {1:g}",
                                c.dropout, 1 - c.dropout));
  return c;
}

Adapter::Adapter(const AdapterConfig& config, const Parameter& matrix, double rows_per_expert)
    : config_(config),
      matrix_(matrix.value),
      name_(matrix.name),
      stack_(matrix.value.shape().rank() == 3 ? matrix.value.dim(0) : 1),
      in_(matrix.value.dim(-2)),
      out_(matrix.value.dim(-1)),
      rows_per_expert_(rows_per_expert) {
  const index G = stack_, n = config.experts, r = n * config.rank;
  const double deviation =
      config.kind == Kind::loramoe ? 1 / std::sqrt(3 * static_cast<double>(in_)) : 0.02;
  if (config.mixes()) router_ = parameter("router", {G, in_, n}, Init::normal(deviation));
  if (!config.low_rank()) {
    change_ = parameter("change", {G, n, out_}, Init::constant(0), false);
    return;
  }
  a_ = parameter("a", {G, in_, r}, Init::normal(deviation));
  b_ = parameter("b", {G, r, out_}, Init::constant(0));
}

Tensor Adapter::forward(const Tensor& x, const Tensor& dropped, const Tensor& y,
                        const Times& times) const {
  Tensor p;  // [N, n]
  if (config_.mixes()) p = softmax(times(x, router_));
  if (!config_.low_rank()) return add(y, mul(y, times(p, change_)));
  Tensor low = times(dropped, a_);  // [N, n r]
  if (p) {
    const index pairs = p.size();
    low = mul_column(low.reshape({pairs, config_.rank}), p.reshape({pairs})).reshape(low.shape());
  }
  return add(y, times(affine(low, static_cast<real>(config_.scale())), b_));
}

bool Adapter::drops(const Context& context) const {
  return context.training && config_.dropout > 0;
}

real Adapter::dropout() const { return static_cast<real>(config_.dropout); }

Stream Adapter::stream(const Context& context) const {
  Stream stream = context.stream(Purpose::adapter_dropout);
  stream.layer = static_cast<std::uint32_t>(hash_name(name_));
  return stream;
}

double Adapter::flops_per_row() const {
  const auto in = static_cast<double>(in_), out = static_cast<double>(out_),
             n = static_cast<double>(config_.experts), r = static_cast<double>(config_.rank);
  return (config_.mixes() ? 2 * in * n : 0) +
         (config_.low_rank() ? 2 * n * r * (in + out) : 2 * n * out);
}

void Adapters::append(const AdapterConfig& config, const Parameter& matrix,
                      double rows_per_expert) {
  all_.push_back(std::make_unique<Adapter>(config, matrix, rows_per_expert));
  child(matrix.name, *all_.back());
}

const Adapter* Adapters::of(const Tensor& matrix) const {
  const auto at = std::find_if(all_.begin(), all_.end(),
                               [&](const auto& each) { return each->matrix().same(matrix); });
  return at == all_.end() ? nullptr : at->get();
}

const Adapter* adapter_of(const Tensor& matrix, const Context& context) {
  return context.adapters == nullptr ? nullptr : context.adapters->of(matrix);
}

}  // namespace moesim
