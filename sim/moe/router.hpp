// Router is the interface of routing plug-ins: route() maps tokens to a plan. routers/README.md is
// the walk-through.
#pragma once

#include "sim/config/options.hpp"
#include "sim/config/registry.hpp"
#include "sim/moe/routing.hpp"
#include "sim/moe/variants.hpp"
#include "sim/nn/context.hpp"
#include "sim/nn/module.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// Site is the place of a router in the model: the sizes and the task that it is built for.
struct Site {
  index width = 0;       // D
  index experts = 0;     // E, as configured
  index batch = 0;       // sequences per training micro-batch
  index length = 0;      // S
  bool causal = true;    // is the task autoregressive?
  index layer = 0;       // block number
  index before = 0;      // MoE layers before this one
  index vocabulary = 0;  // 0 for data without token ids
  bool ragged = false;   // true if sequences may differ in length (a nested router)
  // Occurrences of each token id in the training data; may be empty.
  std::vector<std::int64_t> unigram = {};
  index evaluation_batch = 0;  // sequences per evaluation batch, for explanations; 0: unknown
  index domains = 0;           // of the data, such as tasks; 0: it has none
};

// Sees declares which tokens a token's output may depend on, besides earlier tokens of its
// sequence.
struct Sees {
  bool later_tokens = false;     // of its sequence
  bool other_sequences = false;  // of the batch
};
// "past", "sequence", or "batch" if it sees other sequences, as a run file records it.
std::string to_string(Sees sees);

// Reroutes says whether, in generation (Context::generating), a new token changes the routing of the
// tokens before it.
enum class Reroutes {
  never,        // route() also takes new tokens alone, given what it left in Context::past
  by_capacity,  // through the capacity of experts, which tokens share; never without a limit
  always,
};

// Expected cost per token.
struct Cost {
  double rows_per_token = 1;  // rows of expert compute
  double router_flops = 0;    // forward FLOPs of routing itself, per token
  // Parameters of the router itself that a token does not use: of experts that are part of it.
  double idle_parameters = 0;
  double merge_flops = 0;  // merging parameters, in FLOPs per expert parameter and token
};

// Traits are the properties of a router, fixed once it is built.
struct Traits {
  index experts = 0;  // number of experts that it routes over
  Sees sees = {};
  Cost cost = {};          // expected; run files record the measured cost, too
  index width_factor = 1;  // hidden width of its experts in multiples of the configured one
  // Number of columns of its scores: the experts, then choices that run none (identity, zero); 0: as
  // many as experts.
  index choices = 0;
  // Number of groups of consecutive experts of equal size. Experts may be renumbered within groups,
  // and whole groups may be.
  index expert_groups = 1;
  bool assigns = true;      // its plans are assignments: whole tokens go to experts
  bool importance = false;  // it reads Tokens::importance
  // True if route() launches the same kernels with the same arguments in every training step, and
  // copies the same tables from the host, whatever the values in memory, the step and after_step()
  // are. Such steps may be replayed (run.graphs). False if it reads values on the host, or draws
  // random numbers other than by its context.
  bool capturable = false;
  // True if its gradient is by design not the derivative of its value: it uses stop_gradient, or
  // passes gradients straight through a step function. The certificate then holds stopped values
  // fixed.
  bool surrogate = false;
  // Shapes of Routing::totals.
  std::vector<Shape> totals = {};
  // True if it reads Context::whole_step: a step then begins with a forward pass of every
  // micro-batch, which sums up their loads.
  bool whole_step = false;
  // True if choices are a function of token ids and positions, whatever the hidden state: a trace
  // then says exactly what another capacity would drop (moesim whatif).
  bool fixed_choices = false;
  // True if it reads Tokens::domain: a text without its task cannot be routed.
  bool labelled = false;
  // With `always`, generation passes the whole window for each new token; most routers say `never`.
  Reroutes reroutes = Reroutes::always;
};

// StepLoad is the work of one MoE layer in all micro-batches of a step, on the device.
struct StepLoad {
  Indices demand;    // [E] assignments before capacity; zeros for plans that do not count them
  index tokens = 0;  // routed
  std::vector<Tensor> totals = {};  // sums of Routing::totals, in order of the micro-batches
};

// Router is the interface of a routing plug-in.
class Router : public Module {
 public:
  using Make = std::function<std::unique_ptr<Router>(const Site&, Options&)>;
  ~Router() override;

  const Traits& traits() const { return traits_; }
  // Decides the plan of these tokens. Changes no state.
  virtual Routing route(const Tokens& tokens) = 0;
  // Updates buffers, e.g. a balancing bias, after every update of the parameters. `layers` are the
  // loads of all MoE layers in order; layers[own] is this one's. Changes them in place
  // (sim/ops/state.hpp), so that recorded graphs read the new values.
  virtual void after_step(std::span<const StepLoad> layers, std::size_t own);
  // Memory of a training pass over so many tokens, for the estimate of a run: rows of expert
  // compute, and values kept for backward besides them (logits, scores, weights, and the gradients
  // that exist at the same time).
  virtual double expert_rows(index tokens) const;
  virtual double kept_values(index tokens) const;

 protected:
  Traits traits_;  // set in the constructor
};

extern template class Registry<Router>;
extern template struct Registered<Router>;

void register_router(std::string_view name, std::string_view summary,
                     std::unique_ptr<Router> (*make)(const Site&, Options&),
                     std::initializer_list<Variant> variants);

// RegisterRouter registers a router class, with the settings besides its defaults under which it is
// certified. At namespace scope:
//   const RegisterRouter<Soft> soft("soft", "one sentence", {{"raw", "normalise=false"}});
template <class R>
struct RegisterRouter {
  RegisterRouter(std::string_view name, std::string_view summary,
                 std::initializer_list<Variant> variants = {}) {
    register_router(name, summary, make, variants);
  }
  static std::unique_ptr<Router> make(const Site& site, Options& options) {
    return std::make_unique<R>(site, options);
  }
};

}  // namespace moesim
