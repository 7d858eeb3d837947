// Tests folding: matrices with the changes of their adapters give the same outputs.
#include "sim/transform/fold.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/kernel_test.hpp"
#include "tests/transform/support.hpp"

namespace moesim::testing {
namespace {

Values with_adapters(Values values, const std::string& kind) {
  values.insert(values.end(), {"adapter.kind", kind});
  if (kind != "mov") values.insert(values.end(), {"adapter.rank", "3", "adapter.alpha", "5"});
  return values;
}

TEST_CASE("fold: changes no output", "[transform]") {
  for (const Values& base : {Values{"router.name", "dense"},
                             {"router.name", "token_choice", "router.token_choice.k", "2",
                              "moe.every", "2", "moe.shared", "1", "expert.name", "swiglu"}}) {
    Training adapted(with_adapters(two_layers(base), "lora"), 1), plain(two_layers(base), 1);
    std::uint64_t key = 0;
    for (const Parameter& p : adapted.model->adapters()->parameters())
      p.value.from_host(random_reals(++key, p.value.size(), -0.2, 0.2));
    CHECK(change_of(plain, adapted).logit > 1e-3);
    const HostTensors folded = fold_adapters(tensors_of(adapted), *adapted.model);
    CHECK(folded.size() == plain.trainer->weights().size());
    give(folded, plain);
    CHECK(change_of(adapted, plain).logit < 1e-12);
  }
}

TEST_CASE("fold: adapters whose weights depend on the token are refused", "[transform]") {
  for (const char* kind : {"molora", "loramoe", "mov"}) {
    const Training mixed(with_adapters(two_layers({"router.name", "dense"}), kind), 1);
    CHECK_THROWS_WITH(fold_adapters(tensors_of(mixed), *mixed.model),
                      contains("depend on the token"));
  }
  const Training none(two_layers({"router.name", "dense"}), 1);
  CHECK_THROWS_WITH(fold_adapters(tensors_of(none), *none.model), contains("no adapters"));
}

}  // namespace
}  // namespace moesim::testing
