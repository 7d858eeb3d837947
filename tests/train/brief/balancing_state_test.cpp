// Tests balancing state of routers: it does not depend on micro-batches or threads, survives
// resuming, and is part of a checkpoint's weights where routing needs it.
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <cstring>

namespace moesim::testing {
namespace {

using State = std::vector<std::pair<std::string, std::vector<real>>>;

State state_of(const Training& training) {
  State state;
  for (const Parameter& buffer : training.model->buffers())
    state.emplace_back(buffer.name, buffer.value.to_host());
  return state;
}

State trained(const Values& values, int threads = 1) {
  Training training(values, threads);
  training.run();
  return state_of(training);
}

struct Arm {
  const char* router;
  const char* speed;  // so that three steps matter
  const char* value;
  const char* state;  // the name of a buffer ends so
};
const Arm kArms[] = {
    {"bias_balanced", "router.bias_balanced.bias_speed", "0.05", "router.bias"},
    {"bias_balanced", "router.bias_balanced.bias_update", "histogram", "router.bias"},
    {"relu", "router.relu.lambda_growth", "1.5", "router.lambda"}};

Values settings_of(const Arm& arm) {
  return {"router.name", arm.router, arm.speed, arm.value, "train.batch", "16", "run.steps", "3"};
}

TEST_CASE("balancing state: 1, 2 and 4 micro-batches move it the same", "[train][state][brief]") {
  for (const Arm& arm : kArms) {
    CAPTURE(arm.router);
    // At rate 0 every way of dividing a step sees the same logits.
    const Values values = with(settings_of(arm), {"train.rate", "0"});
    const State whole = trained(values);
    REQUIRE_FALSE(whole.empty());
    const Training start(values, 1);
    CHECK(whole != state_of(start));
    for (const char* parts : {"2", "4"}) {
      CAPTURE(parts);
      CHECK(trained(with(values, {"train.accumulate", parts})) == whole);
    }
  }
}

TEST_CASE("balancing state: the same bits on 1, 2 and 3 threads", "[train][state][determinism]") {
  for (const Arm& arm : kArms) {
    CAPTURE(arm.router);
    const Values values =
        with(settings_of(arm), {"data.length", "48", "model.width", "40", "data.symbols", "300"});
    const State one = trained(values, 1);
    for (const int threads : {2, 3}) CHECK(trained(values, threads) == one);
  }
}

TEST_CASE("balancing state: a resume restores it", "[train][state][resume][brief]") {
  for (const Arm& arm : kArms) {
    CAPTURE(arm.router);
    const Values values = with(settings_of(arm), {"run.steps", "4", "eval.every", "0"});
    const State straight = trained(values);
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
  for (const Arm& arm : kArms) {
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
