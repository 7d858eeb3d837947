// Tests balancing state of routers: it does not depend on micro-batches, survives resuming,
// and is part of a checkpoint's weights where routing needs it.
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/balancing_arms.hpp"

#include <cstring>

namespace moesim::testing {
namespace {

TEST_CASE("balancing state: 1, 2 and 4 micro-batches move it the same", "[train][state][brief]") {
  for (const BalancingArm& arm : kBalancingArms) {
    CAPTURE(arm.router);
    // At rate 0 every way of dividing a step sees the same logits.
    const Values values = with(settings_of(arm), {"train.rate", "0"});
    const State whole = trained_state(values);
    REQUIRE_FALSE(whole.empty());
    const Training start(values, 1);
    CHECK(whole != state_of(start));
    for (const char* parts : {"2", "4"}) {
      CAPTURE(parts);
      CHECK(trained_state(with(values, {"train.accumulate", parts})) == whole);
    }
  }
}

TEST_CASE("balancing state: a resume restores it", "[train][state][resume][brief]") {
  for (const BalancingArm& arm : kBalancingArms) {
    CAPTURE(arm.router);
    const Values values = with(settings_of(arm), {"run.steps", "4", "eval.every", "0"});
    const State straight = trained_state(values);
    const TemporaryFolder folder;
    {
      Kept first(values, folder / "");
      StopAfter stop(3);  // steps: of an even number, biases of this speed come back to 0
      REQUIRE(first.trainer->run({first.recorder.get(), &first.checkpointer, &stop}) ==
              End::stopped);
      first.checkpointer.write("");
    }
    Kept second(values, folder / "");
    REQUIRE(second.resume());
    REQUIRE(second.trainer->position().step == 3);
    CHECK(state_of(second) != state_of(Training(values, 1)));
    second.finish();
    CHECK(state_of(second) == straight);
  }
}

TEST_CASE("balancing state: the weights of a checkpoint have it", "[train][state][brief]") {
  for (const BalancingArm& arm : kBalancingArms) {
    CAPTURE(arm.router);
    const TemporaryFolder folder;
    Kept run(settings_of(arm), folder / "");
    run.finish();
    run.checkpointer.write("");
    const Checkpoint kept = read_checkpoint(folder / "", 3);
    State stored;
    for (const TensorView& tensor : read_safetensors(kept.weights).tensors)
      for (const auto& [name, values] : state_of(run))
        if (tensor.name == name) {
          std::vector<real> read(values.size());
          REQUIRE(tensor.bytes.size() == read.size() * sizeof(real));
          std::memcpy(read.data(), tensor.bytes.data(), tensor.bytes.size());
          stored.emplace_back(name, read);
        }
    CHECK(stored == state_of(run));
  }
}

}  // namespace
}  // namespace moesim::testing
