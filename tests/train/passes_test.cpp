// Tests replayed passes against eager ones: when they fall back, and which errors they pass on.
#include "sim/core/out_of_memory.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/eager_passes.hpp"
#include "sim/train/replayed_passes.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <functional>
#include <memory>

namespace moesim::testing {
namespace {

// As a device says it.
constexpr const char* kNoMemory =
    "out of memory on cuda:0: 12.3 MB requested, 45.6 MB held; make the model or the batch smaller";

// Thrown by the router below in its next pass, once.
std::function<void()> trouble;

// All tokens to one expert; its gate is a parameter.
class Troubled : public Router {
 public:
  explicit Troubled(const Site& site) {
    traits_ = {.experts = 1, .capturable = true};
    weight_ = parameter("weight", {site.width, 1}, Init::normal(0.02));
  }
  Routing route(const Tokens& tokens) override {
    if (const auto now = std::exchange(trouble, nullptr)) now();
    Assignment plan;
    plan.experts = equal_segments(1, tokens.x.rows(), tokens.x.backend());
    plan.gate = matmul(tokens.x, weight_).reshape({tokens.x.rows()});
    return {.plan = plan};
  }

 private:
  Tensor weight_;
};

// Registers it while it lives: others loop over all routers.
struct WithTroubled {
  WithTroubled() {
    Registry<Router>::add({"troubled", "for tests", [](const Site& site, Options&) {
                             return std::make_unique<Troubled>(site);
                           }});
  }
  ~WithTroubled() { Registry<Router>::remove("troubled"); }
  WithTroubled(const WithTroubled&) = delete;
  WithTroubled& operator=(const WithTroubled&) = delete;
};

// Takes rounds and calls the work in each, as a device does until it has recorded it.
class Called : public Replay {
 public:
  explicit Called(int& rounds) : rounds_(rounds) {}
  bool run(const std::function<void()>& work) override {
    ++rounds_;
    work();
    return false;
  }
  const std::string& refusal() const override { return none_; }

 private:
  int& rounds_;
  std::string none_;
};

struct Fixture {
  WithTroubled router;
  Training training{{"router.name", "troubled", "train.accumulate", "4"}, 1};
  int rounds = 0;
  ReplayedPasses passes{*training.model, training.backend, 4, std::make_unique<Called>(rounds)};

  StepBatch batch(index step) {
    return {*training.data, *training.task, training.backend, 0, StepBatch::read(training.settings),
            {.step = step}};
  }
  std::vector<std::vector<real>> gradients() const {
    std::vector<std::vector<real>> all;
    for (const Parameter& p : training.model->parameters())
      all.push_back(p.value.gradient().to_host());
    return all;
  }
};

TEST_CASE("replayed passes: a measured step is eager, to the same bits", "[train][passes]") {
  Fixture f;
  EagerPasses eager(*f.training.model, f.training.backend, 4);
  for (index step = 0; step < 4; ++step) {
    CAPTURE(step);
    const bool measured = step % 2 == 1;
    const StepOutcome want = eager.run(f.batch(step), {.routing = measured});
    const auto gradients = f.gradients();
    const StepOutcome got = f.passes.run(f.batch(step), {.routing = measured});
    CHECK(got.losses.task == want.losses.task);
    CHECK(f.gradients() == gradients);
    REQUIRE(got.layers.size() == (measured ? f.training.model->moe_blocks().size() : 0));
    if (measured) CHECK(got.layers[0].demand == want.layers[0].demand);
    CHECK(f.training.model->moe_layer(0).load().tokens == 8 * 16);  // of this step, not of both
    f.passes.release_gradients();
    CHECK(f.rounds == 1 + step / 2);
  }
}

TEST_CASE("replayed passes: give up when an eager step has no memory", "[train][passes]") {
  Fixture f;
  EagerPasses eager(*f.training.model, f.training.backend, 4);
  const double want = eager.run(f.batch(1), {.routing = true}).losses.task;
  const auto gradients = f.gradients();
  f.passes.run(f.batch(0), {});
  REQUIRE(f.rounds == 1);
  trouble = [] { fail(Exit::internal, kNoMemory); };
  const StepOutcome outcome = f.passes.run(f.batch(1), {.routing = true});
  CHECK(outcome.losses.task == want);
  CHECK(f.gradients() == gradients);
  CHECK(outcome.layers[0].tokens == 8 * 16);  // those of the second try alone
  CHECK_FALSE(f.passes.may_replay());
  CHECK(f.passes.replay() == "out of device memory while capturing");
  f.passes.run(f.batch(2), {});
  CHECK(f.rounds == 1);

  // There is nothing left to give up.
  trouble = [] { fail(Exit::internal, kNoMemory); };
  CHECK_THROWS_WITH(f.passes.run(f.batch(3), {.routing = true}),
                    contains("out of memory on cuda:0"));
}

TEST_CASE("replayed passes: no other error is taken for a lack of memory", "[train][passes]") {
  Fixture f;
  f.passes.run(f.batch(0), {});
  trouble = [] { fail(Exit::internal, "router: a mistake"); };
  CHECK_THROWS_WITH(f.passes.run(f.batch(1), {.routing = true}),
                    contains("block 0: router: a mistake"));
  CHECK(f.passes.may_replay());
  f.passes.run(f.batch(1), {});
  CHECK(f.rounds == 2);
}

TEST_CASE("out of memory: told from other errors, wherever it happened", "[train][passes]") {
  const auto error_of = [](const std::function<void()>& work) {
    try {
      within([] { return "step 3"; }, [&] { within([] { return "block 1"; }, work); });
    } catch (const Error& error) {
      return error;
    }
    return Error(Exit::ok, "nothing was thrown");
  };
  CHECK(is_out_of_memory(error_of([] { fail(Exit::internal, kNoMemory); })));
  CHECK_FALSE(is_out_of_memory(error_of([] { fail_in("linear", "[2, 3] times [4, 5]"); })));
#if defined(__SANITIZE_ADDRESS__)
  WARN("a device without memory: skipped: the address sanitizer ends a process that asks for it");
#else
  const auto backend = make_test_backend(1);
  CHECK(is_out_of_memory(error_of([&] { backend->allocate(std::size_t{1} << 46); })));
#endif
}

}  // namespace
}  // namespace moesim::testing
