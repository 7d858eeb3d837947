#include "sim/train/optimiser.hpp"

#include "sim/backend/backend.hpp"
#include "sim/backend/kernel_arguments.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

// A parameter that the optimiser updates.
struct Trained {
  std::string name;
  Tensor value;
  double rate = 1;   // factor on the learning rate
  double decay = 0;  // weight decay
};

// The parameters that are not frozen. decay: of those that have no value of their own.
std::vector<Trained> trained(const std::vector<Parameter>& parameters, const ParameterRules& rules,
                             double decay) {
  std::vector<Trained> all;
  for (const Parameter& p : parameters) {
    if (p.frozen) continue;
    const auto rate = rules.rate.find(p.name), own = rules.decay.find(p.name);
    all.push_back({.name = p.name,
                   .value = p.value,
                   .rate = rate == rules.rate.end() ? 1 : rate->second,
                   .decay = own != rules.decay.end() ? own->second
                            : p.decay                ? decay
                                                     : 0});
  }
  return all;
}

// Zeros for every parameter: initial moments.
std::vector<Tensor> zeros_like(const std::vector<Trained>& parameters) {
  std::vector<Tensor> zeros;
  zeros.reserve(parameters.size());
  for (const Trained& p : parameters)
    zeros.push_back(Tensor::zeros(p.value.shape(), p.value.backend()));
  return zeros;
}

void add_named(const std::string& prefix, const std::vector<Trained>& parameters,
               const std::vector<Tensor>& values, std::vector<NamedTensor>& all) {
  for (std::size_t i = 0; i < values.size(); ++i)
    all.push_back({prefix + parameters[i].name, values[i]});
}

// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
class AdamWOptimiser : public Optimiser {
 public:
  AdamWOptimiser(Options& options, const std::vector<Parameter>& parameters,
                 const ParameterRules& rules) {
    beta1_ = options.number("beta1", 0.9, {0, 0.9999999}, "decay of the first moment");
    beta2_ = options.number("beta2", 0.95, {0, 0.9999999}, "decay of the second moment");
    epsilon_ =
        options.number("epsilon", 1e-8, {1e-20, 1}, "added to the root of the second moment");
    const double decay = options.number("weight_decay", 0.1, {0, 100},
                                        "of matrices; biases, gains and positions have none");
    parameters_ = trained(parameters, rules, decay);
  }

  void step(double rate, double gradient_scale) override {
    prepare();
    ++updates_;
    AdamW a;
    a.epsilon = static_cast<real>(epsilon_);
    a.beta1 = static_cast<real>(beta1_), a.beta2 = static_cast<real>(beta2_);
    a.correction1 = static_cast<real>(1 - std::pow(beta1_, static_cast<double>(updates_)));
    a.correction2 = static_cast<real>(1 - std::pow(beta2_, static_cast<double>(updates_)));
    a.gradient_scale = static_cast<real>(gradient_scale);
    std::map<double, std::vector<AdamWTensor>> tensors;  // by factor on the learning rate
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Trained& p = parameters_[i];
      if (!p.value.has_gradient()) continue;
      tensors[p.rate].push_back({.gradient = p.value.gradient().data(),
                                 .value = p.value.data(),
                                 .first = first_[i].data(),
                                 .second = second_[i].data(),
                                 .n = p.value.size(),
                                 .decay = static_cast<real>(p.decay)});
    }
    for (const auto& [factor, group] : tensors) {
      a.rate = static_cast<real>(rate * factor);
      parameters_[0].value.backend().adamw_of_all(a, group);
    }
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

  std::vector<Trained> parameters_;
  std::vector<Tensor> first_, second_;
  double beta1_ = 0, beta2_ = 0, epsilon_ = 0;
};

// Stochastic gradient descent with momentum: v = momentum v + g + decay p, p -= rate v.
class SgdOptimiser : public Optimiser {
 public:
  SgdOptimiser(Options& options, const std::vector<Parameter>& parameters,
               const ParameterRules& rules) {
    momentum_ = options.number("momentum", 0.9, {0, 0.9999999},
                               "fraction of the previous update that is kept");
    const double decay = options.number("weight_decay", 0.1, {0, 100},
                                        "of matrices; biases, gains and positions have none");
    parameters_ = trained(parameters, rules, decay);
  }

  void step(double rate, double gradient_scale) override {
    prepare();
    ++updates_;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Trained& p = parameters_[i];
      if (!p.value.has_gradient()) continue;
      p.value.backend().sgd(static_cast<real>(rate * p.rate), static_cast<real>(momentum_),
                            static_cast<real>(p.decay), static_cast<real>(gradient_scale),
                            p.value.gradient().data(), p.value.data(),
                            momentum_ > 0 ? velocity_[i].data() : nullptr, p.value.size());
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

  std::vector<Trained> parameters_;
  std::vector<Tensor> velocity_;
  double momentum_ = 0;
};

}  // namespace

std::unique_ptr<Optimiser> make_optimiser(Options& options,
                                          const std::vector<Parameter>& parameters,
                                          const ParameterRules& rules) {
  const std::string name = options.choice("optimiser", "adamw", {"adamw", "sgd"}, "update rule");
  if (name == "sgd") return std::make_unique<SgdOptimiser>(options, parameters, rules);
  return std::make_unique<AdamWOptimiser>(options, parameters, rules);
}

double gradient_norm(const std::vector<Parameter>& parameters) {
  std::vector<Values> gradients;
  for (const Parameter& p : parameters)
    if (p.value.has_gradient()) gradients.push_back({p.value.gradient().data(), p.value.size()});
  if (gradients.empty()) return 0;
  return std::sqrt(parameters[0].value.backend().squared_norm_of_all(gradients));
}

}  // namespace moesim
