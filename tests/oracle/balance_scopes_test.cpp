// Compares the scopes of the balance loss with Megatron.
#include "sim/ops/ops.hpp"
#include "tests/oracle/micro_batch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

// The logits are the tokens, and the weight is the unit matrix.
void balance_scopes(Oracle& oracle) {
  const index E = oracle.integer("num_experts"), B = oracle.integer("batch"),
              S = oracle.integer("seq"), parts = oracle.integer("micro_batches");
  const Site site{.width = E, .experts = E, .batch = B, .length = S};
  const std::map<std::string, std::string> scopes = {{"micro_batch", "batch"},
                                                     {"sequence", "sequence"},
                                                     {"global_running", "running"},
                                                     {"global_exact", "step"}};
  const std::string function = oracle.text("score_func");
  Backend& backend = test_backend();
  for (const auto& [scope, name] : scopes) {
    const auto router =
        make_router("bias_balanced", site,
                    {{"k", option(oracle.number("top_k"))},
                     {"scores", function == "sqrtsoftplus" ? "sqrt_softplus" : function},
                     {"normalise", "none"},
                     {"balance_weight", "1"},
                     {"balance_group", name}});
    std::vector<real> unit(static_cast<std::size_t>(E * E), 0);
    for (index e = 0; e < E; ++e) unit[static_cast<std::size_t>(e * (E + 1))] = 1;
    parameter_of(*router, "weight").allocate(backend);
    parameter_of(*router, "weight").from_host(unit);
    initialise(router->buffers(), backend, 0);
    Context context;
    context.training = true;
    const Tensor logits = oracle.tensor("params/logits", {parts * B * S, E}, backend);
    logits.set_wants_gradient(true);
    Tape tape;
    const Tape::Scope recording(&tape);
    const auto route = [&](index part) {
      return router->route(tokens_of(part_of(logits, part, B * S), B, S, {}, context));
    };
    StepLoad whole = no_load(router->traits(), backend), load = no_load(router->traits(), backend);
    if (router->traits().whole_step)
      for (index part = 0; part < parts; ++part) add(whole, route(part), B * S);
    context.so_far = &load;
    if (router->traits().whole_step) context.whole_step = &whole;
    Tensor mean;
    std::vector<double> each, map, scores;
    for (index part = 0; part < parts; ++part) {
      const Routing routing = route(part);
      const Tensor loss = routing.losses.at(0).value;
      each.push_back(host(loss).at(0));
      mean = mean ? add(mean, loss) : loss;
      const Sent plan = sent(routing, B * S, E);
      map.insert(map.end(), plan.kept.begin(), plan.kept.end());
      const std::vector<double> own = host(routing.scores);
      scores.insert(scores.end(), own.begin(), own.end());
      add(load, routing, B * S);
    }
    mean = affine(mean, real(1) / static_cast<real>(parts));
    oracle.compare("per_micro_batch/" + scope, each);
    oracle.compare("aux/" + scope, mean);
    oracle.compare_exactly("routing/map", map);
    oracle.compare("routing/scores", scores);
    tape.backward(mean);
    oracle.compare("grad_aux/" + scope + "/params/logits", gradient_or_zeros(logits));
  }
}

}  // namespace

TEST_CASE("oracle: balance_scopes", "[oracle]") { check_oracles("balance_scopes", balance_scopes); }

}  // namespace moesim::testing
