// Arms whose routers have balancing state, and that state after training.
#pragma once
#include "tests/train/kept.hpp"

namespace moesim::testing {

using State = std::vector<std::pair<std::string, std::vector<real>>>;

inline State state_of(const Training& training) {
  State state;
  for (const Parameter& buffer : training.model->buffers())
    state.emplace_back(buffer.name, buffer.value.to_host());
  return state;
}

inline State trained_state(const Values& values, int threads = 1) {
  Training training(values, threads);
  training.run();
  return state_of(training);
}

struct BalancingArm {
  const char* router;
  const char* speed;  // so that three steps matter
  const char* value;
};
inline const BalancingArm kBalancingArms[] = {
    {"bias_balanced", "router.bias_balanced.bias_speed", "0.05"},
    {"bias_balanced", "router.bias_balanced.bias_update", "histogram"},
    {"relu", "router.relu.lambda_growth", "1.5"}};

inline Values settings_of(const BalancingArm& arm) {
  return {"router.name", arm.router, arm.speed, arm.value, "train.batch", "16", "run.steps", "3"};
}

}  // namespace moesim::testing
