#include "experiments/resources.hpp"

#include "experiments/experiment.hpp"
#include "experiments/record_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace moesim {
namespace {

// A number at the start of a small file of the system; 0 if there is none.
double number_in(const std::string& path) {
  double value = 0;
  std::ifstream(path) >> value;
  return value;
}

double system_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    double kilobytes = 0;
    if (key == "MemAvailable:" && info >> kilobytes) return 1024 * kilobytes;
    info.ignore(256, '\n');
  }
  return 0;
}

// The control group of this process and those around it.
std::vector<std::string> control_groups() {
  const std::string root = "/sys/fs/cgroup";
  std::vector<std::string> groups = {root};
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {
    if (!line.starts_with("0::/")) continue;
    for (std::filesystem::path path = line.substr(4); !path.empty(); path = path.parent_path())
      groups.push_back(root + "/" + path.string());
  }
  return groups;
}

// Without what the system would give back: cached files that nobody has used lately.
double used_memory(const std::string& group) {
  std::ifstream statistics(group + "/memory.stat");
  double cached = 0;
  for (std::string key; statistics >> key;) {
    double value = 0;
    if (statistics >> value && key == "inactive_file") cached = value;
  }
  return number_in(group + "/memory.current") - cached;
}

void lower(double& limit, double other) {
  if (other > 0 && (limit == 0 || other < limit)) limit = other;
}

}  // namespace

double available_memory() {
  double bytes = system_memory();
  for (const std::string& group : control_groups())
    if (const double most = number_in(group + "/memory.max"); most > 0)
      lower(bytes, std::max(1.0, most - used_memory(group)));
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      lower(bytes, static_cast<double>(limit.rlim_cur));
  }
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

int processors() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

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
  return sizeof(real) * ((2 + kept) * static_cast<double>(count(e.model->parameters())) +
                         activations + logits) +
         record_memory(e);
}

std::string readable_bytes(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) bytes /= 1000, ++unit;
  const int decimals = unit == 0 || bytes >= 100 ? 0 : 1;
  return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
}

}  // namespace moesim
