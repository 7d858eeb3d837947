// RunConfig is what [run] says of a run besides its length.
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
  std::string name;  // of the experiment
  std::uint64_t seed = 0;
  std::string device;
  Compute compute = Compute::float32;
};
RunConfig read_run_config(Settings& settings);

// run.device alone, of a run that is not built.
std::string device_of(const RunSpec& spec);

}  // namespace moesim
