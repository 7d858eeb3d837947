// Compares auxiliary losses with published implementations.
#include "sim/moe/losses.hpp"

#include "sim/core/tape.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/tutel_loss.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/oracle_layer.hpp"

#include <functional>

namespace moesim::testing {
namespace {

void aux_losses(Oracle& oracle) {
  const index E = oracle.integer("num_experts"), B = oracle.integer("batch");
  const index k = oracle.integer("top_k"), T = B * oracle.integer("seq");
  Backend& backend = test_backend();
  const Indices choice = Indices::of(oracle.integers("topk_index"), backend);
  oracle.require(oracle.input("topk_index").values == ranked(oracle.input("logits").values, E, k),
                 "topk_index is not what top-k gives");

  const auto check = [&](const std::string& name, const std::function<Tensor(const Tensor&)>& f) {
    const Tensor logits = oracle.tensor("logits", {T, E}, backend);
    logits.set_wants_gradient(true);
    Tape tape;
    const Tape::Scope scope(&tape);
    const Tensor value = f(logits);
    oracle.compare("aux/" + name, value);
    tape.backward(value);
    oracle.compare("grad_aux/" + name + "/logits", gradient_or_zeros(logits));
  };
  // E/k Σ f P over `groups` groups, times `scale`.
  const auto balance = [&](Counted counted, index groups, double scale) {
    return [=](const Tensor& logits) {
      return affine(balance_loss(softmax(logits), choice, k, counted, groups),
                    static_cast<real>(scale));
    };
  };
  const auto times_k = static_cast<double>(k);  // k at balance
  check("megatron_load_balance", balance(Counted::all, 1, 1));
  check("megatron_seq_load_balance", balance(Counted::all, B, 1));
  check("megablocks_load_balance", balance(Counted::all, 1, 1));
  check("hf_mixtral_load_balance", balance(Counted::all, 1, times_k));
  check("hf_switch_load_balance", balance(Counted::all, B, times_k));
  check("llmrandom_load_balance", balance(Counted::all, 1, times_k));
  check("tutel_gshard", balance(Counted::first, 1, 1));
  for (const char* name : {"megatron_z", "hf_switch_z", "llmrandom_z"}) check(name, z_loss);
  check("tutel_load_importance",
        [&](const Tensor& logits) { return tutel_load_importance(softmax(logits), k); });
}

}  // namespace

TEST_CASE("oracle: aux_losses", "[oracle]") { check_oracles("aux_losses", aux_losses); }

}  // namespace moesim::testing
