// Task-level routing (Kudugunta et al. 2021, "Beyond Distillation: Task-level Mixture-of-Experts for
// Efficient Inference"): all tokens of a task take the same k experts.
//
//   l[t] = W[d[t]], a learned row per task; d[t]: the task of the token's example, which is the domain
//   of its position in the data
//   chosen: the k largest l     gates and losses as in token choice, no capacity
//
// A text needs its task to be routed, also in inference. f and P of the balance loss count the tokens
// of an example alike: where every window holds one example they are means over examples; in packed
// windows examples weigh by their length. Data without domains have one task: every token takes the
// same k experts with the same gates, as in a dense network of k times the width.
#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

class TaskRouter : public Router {
 public:
  TaskRouter(const Site& site, Options& o)
      : E_(site.experts),
        k_(read_choices(o, 1, E_)),
        tasks_(std::max<index>(1, site.domains)),
        gates_(o, k_) {
    gates_.reject_constant(o);
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    o.explain(Topic::scores,
              tasks_ > 1 ? fmt::format("l = W[task], one of {} rows, a domain of the data each; "
                                       "s = softmax",
                                       tasks_)
                         : "l = W, one row: the data have one task or none, so that all tokens "
                           "take the same experts, as in a dense network; s = softmax");
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(k_)},
               .capturable = true,
               .labelled = tasks_ > 1,
               .reroutes = Reroutes::never};
    weight_ = parameter("weight", {tasks_, E_}, Init::normal(0.02));
  }

  Routing route(const Tokens& tokens) override {
    const Tensor logits = gather_rows(weight_, tasks_of(tokens));  // [T, E]
    const Tensor scores = softmax(logits);
    const Indices choice = top_k(logits, k_);  // [T·k]
    const Tensor gates = gates_.over_kept(gates_.of(logits, scores, choice), choice);
    return {.plan = assign(choice, choice, k_, E_, gates),
            .scores = scores,
            .losses = weighted_balance(balance_, scores, choice, k_)};
  }

 private:
  // The row of every token.
  Indices tasks_of(const Tokens& tokens) const {
    if (tasks_ == 1)
      return map_indices({.shape = {tokens.x.rows(), 1, 1}, .add = {0}}, tokens.x.backend());
    if (!tokens.domain)
      fail_in(Exit::usage, "router.name = task", "the task of these tokens is not known; name it");
    return tokens.domain;
  }

  index E_, k_, tasks_;
  Gates gates_;
  double balance_ = 0;
  Tensor weight_;  // [tasks, E]
};

const RegisterRouter<TaskRouter> task(
    "task", "all tokens of a task take the same experts, by a learned row (Kudugunta et al. 2021)",
    {{"two", "k=2 normalise=none balance_weight=0"},
     {"after", "k=2 softmax=after"},
     {"l2", "k=2 normalise=l2 normalise_epsilon=1e-6 normalise_over=kept"},
     {"sum", "k=3 normalise=sum"},
     {"constant", "k=2 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
