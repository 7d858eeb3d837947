#include "sim/train/optimiser.hpp"

#include "sim/backend/backend.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Zeros for every parameter: initial moments.
std::vector<Tensor> zeros_like(const std::vector<Parameter>& parameters) {
  std::vector<Tensor> zeros;
  for (const Parameter& p : parameters)
    zeros.push_back(Tensor::zeros(p.value.shape(), p.value.backend()));
  return zeros;
}

// The parameters that are not frozen.
std::vector<Parameter> learning(std::vector<Parameter> parameters) {
  std::erase_if(parameters, [](const Parameter& p) { return p.frozen; });
  return parameters;
}

void add_named(const std::string& prefix, const std::vector<Parameter>& parameters,
               const std::vector<Tensor>& values, std::vector<NamedTensor>& all) {
  for (std::size_t i = 0; i < values.size(); ++i)
    all.push_back({prefix + parameters[i].name, values[i]});
}

// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
class AdamWOptimiser : public Optimiser {
 public:
  AdamWOptimiser(Options& options, std::vector<Parameter> parameters)
      : parameters_(learning(std::move(parameters))) {
    beta1_ = options.number("beta1", 0.9, {0, 0.9999999}, "decay of the first moment");
    beta2_ = options.number("beta2", 0.95, {0, 0.9999999}, "decay of the second moment");
    epsilon_ =
        options.number("epsilon", 1e-8, {1e-20, 1}, "added to the root of the second moment");
    decay_ = options.number("weight_decay", 0.1, {0, 100},
                            "of matrices; biases, gains and positions have none");
  }

  void step(double rate, double gradient_scale) override {
    prepare();
    ++updates_;
    AdamW a;
    a.rate = static_cast<real>(rate), a.epsilon = static_cast<real>(epsilon_);
    a.beta1 = static_cast<real>(beta1_), a.beta2 = static_cast<real>(beta2_);
    a.correction1 = static_cast<real>(1 - std::pow(beta1_, static_cast<double>(updates_)));
    a.correction2 = static_cast<real>(1 - std::pow(beta2_, static_cast<double>(updates_)));
    a.gradient_scale = static_cast<real>(gradient_scale);
    std::vector<AdamWTensor> tensors;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Parameter& p = parameters_[i];
      if (!p.value.has_gradient()) continue;
      tensors.push_back({.gradient = p.value.gradient().data(),
                         .value = p.value.data(),
                         .first = first_[i].data(),
                         .second = second_[i].data(),
                         .n = p.value.size(),
                         .decay = p.decay ? static_cast<real>(decay_) : 0});
    }
    if (!tensors.empty()) parameters_[0].value.backend().adamw_of_all(a, tensors);
  }

  std::vector<NamedTensor> state() override {
    prepare();
    std::vector<NamedTensor> all;
    add_named("adamw.first.", parameters_, first_, all);
    add_named("adamw.second.", parameters_, second_, all);
    return all;
  }
  std::vector<std::string> kinds_of_state() const override {
    return {"adamw.first.", "adamw.second."};
  }

 private:
  void prepare() {
    if (first_.empty()) first_ = zeros_like(parameters_), second_ = zeros_like(parameters_);
  }

  std::vector<Parameter> parameters_;
  std::vector<Tensor> first_, second_;
  double beta1_ = 0, beta2_ = 0, epsilon_ = 0, decay_ = 0;
};

// Stochastic gradient descent with momentum: v = momentum v + g + decay p, p -= rate v.
class SgdOptimiser : public Optimiser {
 public:
  SgdOptimiser(Options& options, std::vector<Parameter> parameters)
      : parameters_(learning(std::move(parameters))) {
    momentum_ = options.number("momentum", 0.9, {0, 0.9999999},
                               "fraction of the previous update that is kept");
    decay_ = options.number("weight_decay", 0.1, {0, 100},
                            "of matrices; biases, gains and positions have none");
  }

  void step(double rate, double gradient_scale) override {
    prepare();
    ++updates_;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Parameter& p = parameters_[i];
      if (!p.value.has_gradient()) continue;
      p.value.backend().sgd(static_cast<real>(rate), static_cast<real>(momentum_),
                            p.decay ? static_cast<real>(decay_) : 0,
                            static_cast<real>(gradient_scale), p.value.gradient().data(),
                            p.value.data(), momentum_ > 0 ? velocity_[i].data() : nullptr,
                            p.value.size());
    }
  }

  std::vector<NamedTensor> state() override {
    prepare();
    std::vector<NamedTensor> all;
    add_named("sgd.velocity.", parameters_, velocity_, all);
    return all;
  }
  std::vector<std::string> kinds_of_state() const override {
    if (momentum_ == 0) return {};
    return {"sgd.velocity."};
  }

 private:
  void prepare() {
    if (velocity_.empty() && momentum_ > 0) velocity_ = zeros_like(parameters_);
  }

  std::vector<Parameter> parameters_;
  std::vector<Tensor> velocity_;
  double momentum_ = 0, decay_ = 0;
};

}  // namespace

std::unique_ptr<Optimiser> make_optimiser(Options& options, std::vector<Parameter> parameters) {
  const std::string name = options.choice("optimiser", "adamw", {"adamw", "sgd"}, "update rule");
  if (name == "sgd") return std::make_unique<SgdOptimiser>(options, std::move(parameters));
  return std::make_unique<AdamWOptimiser>(options, std::move(parameters));
}

double gradient_norm(const std::vector<Parameter>& parameters) {
  std::vector<Values> gradients;
  for (const Parameter& p : parameters)
    if (p.value.has_gradient()) gradients.push_back({p.value.gradient().data(), p.value.size()});
  if (gradients.empty()) return 0;
  return std::sqrt(parameters[0].value.backend().squared_norm_of_all(gradients));
}

}  // namespace moesim
