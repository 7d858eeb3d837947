#include "experiments/sweep/run_config.hpp"

namespace moesim {
namespace {

std::string read_device(Settings& settings) {
  return Options(settings, "run")
      .text("device", "cpu", "device: cpu, or cuda:0 in a build with CUDA");
}

}  // namespace

RunConfig read_run_config(Settings& settings) {
  Options run(settings, "run");
  RunConfig c;
  c.name = run.text("name", "experiment", "name of the experiment and of its folder");
  c.seed = static_cast<std::uint64_t>(
      run.integer("seed", 0, {0, 1ll << 62}, "seed of all random numbers of the run"));
  c.device = read_device(settings);
  c.compute = run.choice("compute", Compute::float32, kComputes,
                         "factors of products in attention and experts; all else stays in float32. "
                         "tf32: on CUDA only");
  c.made = run.text("made", "",
                    "what moesim transform did to make the first weights; set by that command");
  run.text(
      "made_from", "",
      "first digits of the hash of the weights that moesim transform read; set by that command");
  run.keep_silent("made"), run.keep_silent("made_from");
  return c;
}

std::string device_of(const RunSpec& spec) {
  Settings device;
  const auto set = spec.settings.values().find("run.device");
  if (set != spec.settings.values().end()) device.set("run.device", set->second);
  return read_device(device);
}

}  // namespace moesim
