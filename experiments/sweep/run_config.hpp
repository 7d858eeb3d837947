// RunConfig holds the options of section [run], except run.steps.
#pragma once

#include "sim/backend/compute.hpp"
#include "sim/config/options.hpp"
#include "sim/config/sweep.hpp"

#include <cstdint>
#include <string>

namespace moesim {

inline constexpr Named<Compute> kComputes[] = {
    {"float32", Compute::float32}, {"bfloat16", Compute::bfloat16}, {"tf32", Compute::tf32}};

struct RunConfig {
  std::string name;  // name of the experiment
  std::uint64_t seed = 0;
  std::string device;
  Compute compute = Compute::float32;
  std::string
      made;  // what moesim transform did to make its first weights; "": they are drawn or loaded
};
// Reads and declares the options.
RunConfig read_run_config(Settings& settings);

// Returns run.device of a run that is not built.
std::string device_of(const RunSpec& spec);

}  // namespace moesim
