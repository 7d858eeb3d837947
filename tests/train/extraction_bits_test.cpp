// Tests that the network of a task has the bits of the whole model, if its gate is 1.
#include "tests/support/catch.hpp"
#include "tests/transform/extracted.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("extract: bitwise with one expert of gate 1", "[transform]") {
  const Values more = {"router.task.normalise", "sum", "router.task.allow_constant_gate", "true"};
  Training whole(of_tasks(more), 1);
  spread(whole);
  whole.run();
  for (index task = 0; task < kTasks; ++task)
    CHECK(change_of_task(whole, more, 1, task, task).logit == 0);
}

}  // namespace
}  // namespace moesim::testing
