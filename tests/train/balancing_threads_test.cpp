// Tests that balancing state of routers has the same bits on any number of threads.
#include "tests/support/catch.hpp"
#include "tests/train/balancing_arms.hpp"

namespace moesim::testing {

TEST_CASE("balancing state: the same bits on 1, 2 and 3 threads", "[train][state][determinism]") {
  for (const BalancingArm& arm : kBalancingArms) {
    CAPTURE(arm.router);
    const Values values =
        with(settings_of(arm), {"data.length", "48", "model.width", "40", "data.symbols", "300"});
    const State one = trained_state(values, 1);
    for (const int threads : {2, 3}) CHECK(trained_state(values, threads) == one);
  }
}

}  // namespace moesim::testing
