// Compares top_p and token_rounding, whose numbers of experts or tokens vary, with their peers.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

void top_p(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  layer.make_router("top_p", {{"p", option(oracle.number("top_p"))}});
  layer.make_expert("swiglu", oracle.integer("d_ff"));
  layer.bind_router("router_weight", "weight");
  layer.bind_each_expert("gate", "w1");
  layer.bind_each_expert("up", "w3");
  layer.bind_each_expert("down", "w2");

  const Routing routing = layer.route(layer.input());
  const Sent plan = sent(routing, T, E);
  oracle.compare("routing/probs", routing.scores);
  std::vector<double> order = ranked(host(routing.scores), E, E);
  const std::vector<double> kept = at_columns(plan.kept, E, order);
  oracle.compare("routing/sorted_gate", at_columns(plan.gate, E, order));
  for (std::size_t i = 0; i < order.size(); ++i)
    if (kept[i] == 0) order[i] = -1;
  oracle.compare_exactly("routing/sorted_index", order);
  layer.check_output();
}

void token_rounding(Oracle& oracle) {
  OracleLayer layer(oracle);
  const index E = layer.site.experts, T = layer.site.batch * layer.site.length;
  const std::string mode = oracle.text("mode");
  layer.make_router("token_rounding", {{"k", option(oracle.number("top_k"))},
                                       {"tile", option(oracle.number("tile"))},
                                       {"round", mode == "nr" ? "nearest" : mode},
                                       {"normalise", "sum"}});
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("router_weight", "weight");
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");

  const auto counts = [&] {
    const Routing routing = layer.route(layer.input());
    std::vector<double> count(static_cast<std::size_t>(E));
    const std::vector<double> kept = sent(routing, T, E).kept;
    for (std::size_t i = 0; i < kept.size(); ++i) count[i % count.size()] += kept[i];
    return count;
  };
  layer.context.training = false;
  oracle.compare_exactly("routing/count_before", counts());
  layer.context.training = true;
  oracle.compare_exactly("routing/count_after", counts());
  // Rows, by token.
  const Sent plan = sent(layer.route(layer.input()), T, E);
  std::vector<double> gates;
  const std::vector<double> token = oracle.input("routing/token").values;
  const std::vector<double> expert = oracle.input("routing/expert").values;
  oracle.require(plan.rows == static_cast<double>(token.size()), "another number of rows");
  for (std::size_t i = 0; i < token.size(); ++i) {
    const auto at = static_cast<std::size_t>(token[i]) * static_cast<std::size_t>(E) +
                    static_cast<std::size_t>(expert[i]);
    oracle.require(plan.kept[at] == 1, "another row");
    gates.push_back(plan.gate[at]);
  }
  oracle.compare("routing/gate", gates);
  layer.check_output();
}

}  // namespace

TEST_CASE("oracle: top_p", "[oracle]") { check_oracles("top_p", top_p); }
TEST_CASE("oracle: token_rounding", "[oracle]") { check_oracles("token_rounding", token_rounding); }

}  // namespace moesim::testing
