#include "experiments/resources.hpp"

#include "experiments/control_group.hpp"
#include "experiments/experiment.hpp"
#include "experiments/process_limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

namespace moesim {
namespace {

double system_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    double kilobytes = 0;
    if (key == "MemAvailable:" && info >> kilobytes) return 1024 * kilobytes;
    info.ignore(256, '\n');
  }
  return 0;
}

void lower(double& limit, double other) {
  if (other > 0 && (limit == 0 || other < limit)) limit = other;
}

}  // namespace

double available_memory() {
  double bytes = system_memory();
  lower(bytes, group_memory());
  lower(bytes, memory_limit());
  return bytes;
}

double free_disk(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  const fs::space_info space = fs::space(path, error);
  return error ? 0 : static_cast<double>(space.available);
}

int processors() {
  const int all = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const double granted = group_processors();  // threads beyond it would wait for their next period
  return granted > 0 ? std::clamp(static_cast<int>(std::ceil(granted)), 1, all) : all;
}

double least_memory(const Experiment& e) {
  const Settings& settings = e.spec.settings;
  const auto number = [&](const char* key) { return std::stod(settings.effective(key)); };
  const double kept = settings.effective("train.optimiser") == "adamw" ? 2 : 1;
  const double tokens = number("train.batch") / number("train.accumulate") *
                        static_cast<double>(e.data->info().length);
  const ModelShape shape = e.task->shape();
  // A block keeps at least its input, both normalised forms and the attention's output for the
  // backward pass.
  const double activations = 4 * tokens * number("model.width") * number("model.layers");
  const double logits = shape.pooled ? 0 : tokens * static_cast<double>(shape.outputs);
  return sizeof(real) *
         ((2 + kept) * static_cast<double>(count(e.model->parameters())) + activations + logits);
}

std::string readable_bytes(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) bytes /= 1000, ++unit;
  const int decimals = unit == 0 || bytes >= 100 ? 0 : 1;
  return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
}

}  // namespace moesim
