#include "sim/moe/policies/noise.hpp"

#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

namespace moesim {

Noise::Noise(Options& options) {
  const std::string name = options.choice(
      "noise", "none", {"none", "learned", "gaussian"},
      "noise on the logits in training: softplus(x W_n) + noise_epsilon (Shazeer), or fixed");
  kind_ = name == "learned" ? Kind::learned : name == "gaussian" ? Kind::gaussian : Kind::none;
  epsilon_ = options.number("noise_epsilon", 0.01, {0, 10}, "least deviation of the learned noise");
  deviation_ = options.number("noise_std", 1, {0, 100},
                              "deviation of the gaussian noise, divided by the number of experts");
  jitter_ = options.number("jitter", 0, {0, 1},
                           "the router's input times U(1 - jitter, 1 + jitter) in training");
  if (jitter_ > 0)
    options.explain(
        Topic::scores,
        fmt::format("training: the router's input is multiplied by draws from U({}, {}); "
                    "the experts' input is not",
                    config::shortest(1 - jitter_), config::shortest(1 + jitter_)));
  if (kind_ == Kind::learned)
    options.explain(
        Topic::scores,
        fmt::format("training: h = l + σ ε, ε ~ N(0, 1), σ = softplus(x W_n) + {}, decides "
                    "in place of l",
                    config::shortest(epsilon_)));
  if (kind_ == Kind::gaussian)
    options.explain(
        Topic::scores,
        fmt::format("training: h = l + σ ε, ε ~ N(0, 1), σ = {} / E, decides in place of "
                    "l",
                    config::shortest(deviation_)));
  if (kind_ != Kind::none || jitter_ > 0)
    options.explain(Topic::evaluation, "no noise in evaluation and generation");
}

Tensor normal_noise(const Context& context, const Shape& shape, Backend& backend) {
  return context.normal(Purpose::router_noise, shape, backend);
}

Tensor gumbel_noise(const Context& context, const Shape& shape, Backend& backend) {
  const real edge = real(1e-7);
  const Tensor u = context.uniform(Purpose::router_noise, shape, backend, edge, 1 - edge);
  return affine(log(affine(log(u), -1)), -1);
}

Tensor Noise::jittered(const Tensor& x, const Context& context) const {
  if (!context.training || jitter_ == 0) return x;
  const auto spread = static_cast<real>(jitter_);
  return mul(
      x, context.uniform(Purpose::router_jitter, x.shape(), x.backend(), 1 - spread, 1 + spread));
}

Noisy Noise::add_to(const Tensor& logits, const Tensor& input, const Tensor& weight,
                    const Format& format, const Context& context) const {
  if (!context.training || kind_ == Kind::none) return {.logits = logits, .deviation = {}};
  const index T = logits.rows(), E = logits.cols();
  Backend& backend = logits.backend();
  const Tensor deviation =
      kind_ == Kind::learned
          ? affine(softplus(format(matmul(input, format(weight)))), 1, static_cast<real>(epsilon_))
          : Tensor::full({T, E}, static_cast<real>(deviation_ / static_cast<double>(E)), backend);
  const Tensor noise = mul(deviation, context.normal(Purpose::router_noise, {T, E}, backend));
  return {.logits = format(add(logits, noise)), .deviation = deviation};
}

double Noise::kept_values() const {
  return kind_ == Kind::learned ? 3 : kind_ == Kind::gaussian ? 1.5 : 0;
}

}  // namespace moesim
