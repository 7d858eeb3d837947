// Tests optimisers, schedule and clipping against numbers worked out by hand.
#include "sim/train/optimiser.hpp"

#include "sim/core/error.hpp"
#include "sim/core/tape.hpp"
#include "tests/support/kernel_test.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;  // {"rate", "1", ...} of [train]

Settings train_settings(const Values& values) {
  Settings settings;
  for (std::size_t i = 0; i < values.size(); i += 2)
    settings.set("train." + values[i], values[i + 1], "test");
  return settings;
}

// Three parameters of the value 1: a matrix, a gain without decay, and one that never gets a
// gradient.
struct Three : Module {
  Tensor matrix = parameter("matrix", {1, 1}, Init::constant(1));
  Tensor gain = parameter("gain", {1}, Init::constant(1), false);
  Tensor idle = parameter("idle", {1}, Init::constant(1));
  std::unique_ptr<Optimiser> optimiser;

  explicit Three(const Values& values, const ParameterRules& rules = {}) {
    initialise(parameters(), backend(), 0);
    Settings settings = train_settings(values);
    Options options(settings, "train");
    optimiser = make_optimiser(options, parameters(), rules);
    settings.check_all_read();
  }
  void step(double rate, double scale, real gradient) {
    for (const Tensor& x : {matrix, gain}) {
      x.clear_gradient();
      *gradient_slot(x).p = gradient;
    }
    optimiser->step(rate, scale);
  }
  void check(double want_matrix, double want_gain) const {
    const double allowed = tolerance();
    CHECK_THAT(static_cast<double>(matrix.item()), WithinAbs(want_matrix, allowed));
    CHECK_THAT(static_cast<double>(gain.item()), WithinAbs(want_gain, allowed));
    CHECK(idle.item() == 1);
  }
};

TEST_CASE("optimiser: adamw, two steps by hand", "[train]") {
  Three three({"optimiser", "adamw", "beta1", "0.5", "beta2", "0.75", "epsilon", "0.5",
               "weight_decay", "0.5"});
  // g = 2: moments 1 and 1, corrected 1 / 0.5 = 2 and 1 / 0.25 = 4; 2 / (2 + 0.5) = 0.8.
  three.step(0.1, 0.5, 4);
  three.check(1 - 0.1 * (0.8 + 0.5), 1 - 0.1 * 0.8);
  // g = 1: moments 1 and 1 again, corrected 1 / 0.75 and 1 / 0.4375.
  three.step(0.1, 1, 1);
  const double update = 0.662737332796104;  // (4 / 3) / (√(16 / 7) + 0.5)
  three.check(0.87 - 0.1 * (update + 0.5 * 0.87), 0.92 - 0.1 * update);
}

TEST_CASE("optimiser: sgd, two steps by hand", "[train]") {
  Three plain({"optimiser", "sgd", "momentum", "0", "weight_decay", "0.5"});
  plain.step(0.1, 0.5, 4);
  plain.check(1 - 0.1 * 2.5, 1 - 0.1 * 2);
  plain.step(0.1, 1, 1);
  plain.check(0.75 - 0.1 * 1.375, 0.8 - 0.1);

  Three heavy({"optimiser", "sgd", "momentum", "0.5", "weight_decay", "0.5"});
  heavy.step(0.1, 0.5, 4);
  heavy.check(1 - 0.1 * 2.5, 1 - 0.1 * 2);
  heavy.step(0.1, 1, 1);
  heavy.check(0.75 - 0.1 * (0.5 * 2.5 + 1.375), 0.8 - 0.1 * (0.5 * 2 + 1));
}

TEST_CASE("optimiser: rates and decays of single parameters by hand", "[train]") {
  const ParameterRules rules{.rate = {{"matrix", 0.5}}, .decay = {{"gain", 0.25}}};
  Three sgd({"optimiser", "sgd", "momentum", "0", "weight_decay", "0.5"}, rules);
  sgd.step(0.1, 0.5, 4);
  sgd.check(1 - 0.05 * 2.5, 1 - 0.1 * 2.25);
  Three adamw({"optimiser", "adamw", "beta1", "0.5", "beta2", "0.75", "epsilon", "0.5",
               "weight_decay", "0.5"},
              rules);
  adamw.step(0.1, 0.5, 4);  // 2 / (2 + 0.5) = 0.8
  adamw.check(1 - 0.05 * (0.8 + 0.5), 1 - 0.1 * (0.8 + 0.25));
}

TEST_CASE("optimiser: schedule by hand", "[train]") {
  const auto rates = [](const Values& values, index steps) {
    Settings settings = train_settings(values);
    Options options(settings, "train");
    const Schedule schedule(options, steps);
    std::vector<double> all;
    for (index step = 0; step <= steps; ++step) all.push_back(schedule.rate(step));
    return all;
  };
  const auto check = [&](const Values& values, const std::vector<double>& want) {
    const std::vector<double> got = rates(values, static_cast<index>(want.size()) - 1);
    for (std::size_t i = 0; i < want.size(); ++i) CHECK_THAT(got[i], WithinAbs(want[i], 1e-12));
  };
  const double c = std::sqrt(0.5);  // cos(π / 4)
  check({"rate", "1", "warmup", "3", "rate_min", "0.2"},
        {0.25, 0.5, 0.75, 1, 0.6 + 0.4 * c, 0.6, 0.6 - 0.4 * c, 0.2});
  check({"rate", "2"}, {2, 1 + c, 1, 1 - c, 0});
  check({"rate", "2", "warmup", "1", "schedule", "constant"}, {1, 2, 2, 2});
  check({"rate", "2", "warmup", "1", "schedule", "wsd", "decay_share", "0.5", "rate_min", "1"},
        {1, 2, 2, 2, 1.5, 1});
  check({"rate", "2", "schedule", "wsd", "decay_share", "0.5", "decay_form", "cosine"},
        {2, 2, 2, 2, 2, 1 + c, 1, 1 - c, 0});
  check({"rate", "2", "schedule", "wsd", "decay_share", "1", "decay_form", "root"},
        {2, 1, 2 - 2 * c, 2 - std::sqrt(3.0), 0});
  check({"rate", "2", "schedule", "wsd", "decay_share", "0"}, {2, 2, 2, 2});
  check({"rate", "2", "warmup", "9"}, {0.2, 0.4, 0.6});  // the run ends before the warm-up
  CHECK_THROWS_AS(rates({"rate", "1", "rate_min", "1.5"}, 1), Error);
}

TEST_CASE("optimiser: the gradient norm is over all parameters", "[train]") {
  const Three three({});
  CHECK(gradient_norm(three.parameters()) == 0);
  *gradient_slot(three.matrix).p = 3;
  *gradient_slot(three.gain).p = -4;
  CHECK(gradient_norm(three.parameters()) == 5);
}

// How far the parameters move in one step of plain gradient descent with rate 0.5.
struct Move {
  double length = 0, gradient_norm = 0;
};
Move one_step(const std::string& clip) {
  Training training(
      {"run.steps", "1", "train.optimiser", "sgd", "train.momentum", "0", "train.weight_decay", "0",
       "train.rate", "0.5", "train.schedule", "constant", "train.clip", clip, "eval.every", "0"},
      1);
  std::vector<std::vector<real>> before;
  for (const Parameter& p : training.model->parameters()) before.push_back(p.value.to_host());
  training.run();
  double squares = 0;
  std::size_t at = 0;
  for (const Parameter& p : training.model->parameters()) {
    const std::vector<real> after = p.value.to_host();
    for (std::size_t i = 0; i < after.size(); ++i)
      squares += std::pow(static_cast<double>(after[i]) - static_cast<double>(before[at][i]), 2);
    ++at;
  }
  return {std::sqrt(squares), training.recorder->file().find("grad_norm")->values.at(0)};
}

TEST_CASE("optimiser: clipping shortens long gradients only", "[train]") {
  const double allowed = 1e-9;
  const Move free = one_step("0");
  REQUIRE(free.gradient_norm > 0.01);
  CHECK_THAT(free.length, WithinRel(0.5 * free.gradient_norm, allowed));
  const Move wide = one_step("1000");
  CHECK(wide.length == free.length);
  const Move tight = one_step("0.01");
  CHECK(tight.gradient_norm == free.gradient_norm);  // recorded as it was
  CHECK_THAT(tight.length, WithinRel(0.5 * 0.01, allowed));
}

}  // namespace
}  // namespace moesim::testing
