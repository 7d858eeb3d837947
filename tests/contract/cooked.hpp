// Cooked is a correct router with hooks by which a test spoils one thing.
#pragma once

#include "sim/certify/certificate.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim::testing {

// Dropless top-k with a softmax over the chosen logits, which is in order; each hook spoils one
// thing.
struct Recipe {
  index k = 2;
  Sees sees = {};
  std::function<Tensor(const Tensor& x, const Tokens&)> input = {};
  std::function<Tensor(const Tensor& logits)> logits = {};
  std::function<Tensor(const Tensor& gates)> gates = {};
  std::function<void(Routing&, const Tensor& logits, const Tokens&)> after = {};
  std::function<Tensor(const Tensor& weight)> weight = {};
  // State: one value per expert, added to the logits that choose, as a balancing bias is. `state`
  // comes from route(), `step` from after_step().
  bool biased = false;
  Init start = Init::constant(0);
  std::function<void(const Tensor& bias, const Tokens&)> state = {};
  std::function<void(const Tensor& bias, const StepLoad&)> step = {};
  index groups = 1;        // declared groups of experts
  bool surrogate = false;  // declared
  bool spare = false;      // a second parameter, which only an auxiliary loss reaches
};

class Cooked : public Router {
 public:
  Cooked(const Site& site, Recipe recipe) : E_(site.experts), recipe_(std::move(recipe)) {
    traits_ = {.experts = E_,
               .sees = recipe_.sees,
               .expert_groups = recipe_.groups,
               .surrogate = recipe_.surrogate};
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    if (recipe_.biased) bias_ = buffer("bias", {E_}, recipe_.start);
    if (recipe_.spare) spare_ = parameter("spare", {E_}, Init::constant(0));
  }
  Routing route(const Tokens& tokens) override {
    const Tensor x = recipe_.input ? recipe_.input(tokens.x, tokens) : tokens.x;
    if (recipe_.state) recipe_.state(bias_, tokens);
    Tensor logits = matmul(x, recipe_.weight ? recipe_.weight(weight_) : weight_);
    if (recipe_.logits) logits = recipe_.logits(logits);
    const Indices choice = top_k(recipe_.biased ? add_row(logits, bias_) : logits, recipe_.k);
    Tensor gates =
        softmax(pick(logits, entries_of(choice, recipe_.k, E_)).reshape({x.rows(), recipe_.k}));
    if (recipe_.gates) gates = recipe_.gates(gates);
    Routing routing;
    routing.plan = assign(choice, choice, recipe_.k, E_, gates);
    routing.scores = softmax(logits);
    if (recipe_.spare) routing.losses.push_back({"spare", real(0.1), sum(square(spare_))});
    if (recipe_.after) recipe_.after(routing, logits, tokens);
    return routing;
  }
  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    if (recipe_.step) recipe_.step(bias_, layers[own]);
  }

 private:
  index E_;
  Recipe recipe_;
  Tensor weight_, spare_, bias_;
};

inline Subject subject_of(const Recipe& recipe) {
  Subject subject;
  subject.router = "cooked";
  subject.make = [recipe](const Site& site, Options&) {
    return std::make_unique<Cooked>(site, recipe);
  };
  return subject;
}

inline Certificate certify(const Recipe& recipe) { return moesim::certify(subject_of(recipe)); }

// The names of the items that fail.
inline std::vector<std::string> failures(const Certificate& certificate) {
  std::vector<std::string> names;
  for (const Item& item : certificate.items) {
    UNSCOPED_INFO(item.name << ": " << to_string(item.verdict) << ": " << item.value);
    if (item.verdict == Verdict::fail) names.push_back(item.name);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace moesim::testing
