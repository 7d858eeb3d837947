// Compares hierarchical with the implementation of lucidrains.
#include "sim/moe/policies/capacity.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

namespace moesim::testing {
namespace {

// Mesh TensorFlow's two levels of top-2, ported to PyTorch.
void hierarchical_top2(Oracle& oracle) {
  OracleLayer layer(oracle);
  const std::string policy = oracle.text("second_policy");
  oracle.require(policy == "all" || policy == "none", "no draws are known of this family");
  const index groups = oracle.integer("num_experts_outer");
  OptionValues options = {{"groups", option(static_cast<double>(groups))}, {"importance", "true"}};
  for (const std::string level : {"outer.", "inner."}) {
    const OptionValues top2 = {
        {level + "k", "2"},
        {level + "normalise_epsilon", "1e-9"},
        {level + "capacity_factor_eval", option(oracle.number("capacity_factor"))},
        {level + "capacity_rounding", "floor"},
        {level + "capacity_per_choice", "false"},
        {level + "capacity_min", option(oracle.number("min_capacity"))},
        {level + "fill", "choice"},
        {level + "second_eval", policy},
        {level + "balance_counted", "first"},
        {level + "balance_group", "sequence"},
        {level + "balance_weight", "1"}};
    options.insert(top2.begin(), top2.end());
  }
  layer.make_router("hierarchical", options);
  layer.make_expert("mlp", oracle.integer("d_hidden"), {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_router("gate_outer", "outer.weight");
  std::vector<std::string> inner;
  for (index g = 0; g < groups; ++g) inner.push_back("inner." + std::to_string(g) + ".weight");
  layer.bind_router_pieces("gate_inner", inner);
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");

  layer.check_output();
  layer.check_loss("load_balance", {"outer_balance", "inner_balance"});
}

}  // namespace

TEST_CASE("oracle: hierarchical_lucidrains", "[oracle][hierarchical]") {
  check_oracles("hierarchical_lucidrains", hierarchical_top2);
}

}  // namespace moesim::testing
