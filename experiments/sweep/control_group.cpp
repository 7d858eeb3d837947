#include "experiments/sweep/control_group.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// The two numbers at the start of a small system file; 0 for missing ones ("max").
struct Pair {
  double first = 0, second = 0;
};
Pair numbers_in(const std::string& path) {
  Pair pair;
  std::ifstream file(path);
  if (file >> pair.first) file >> pair.second;
  return pair;
}
double number_in(const std::string& path) { return numbers_in(path).first; }

// The folders of a controller's groups: this process's and its ancestors'. A line of `own` is
// ID:CONTROLLERS:PATH; version 2 has no controllers. In a container the path may be the host's,
// which does not exist inside; then the root is the group.
std::vector<std::string> groups_of(const ControlGroupFiles& files, const std::string& controller) {
  std::vector<std::string> groups = {files.root, files.root + "/" + controller};
  std::ifstream own(files.own);
  for (std::string line; std::getline(own, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    bool found = names.empty();
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) found = found || name == controller;
    if (!found) continue;
    const std::string root = files.root + (names.empty() ? "" : "/" + controller);
    fs::path path = fs::path(line.substr(second + 1)).relative_path();
    for (; !path.empty(); path = path.parent_path()) groups.push_back(root + "/" + path.string());
  }
  return groups;
}

// 0: no limit.
void lower(double& limit, double other) {
  if (other > 0 && (limit == 0 || other < limit)) limit = other;
}

// Bytes of inactive file cache, which the system frees on demand.
double cached(const std::string& group, const std::string& name) {
  std::ifstream statistics(group + "/memory.stat");
  double value = 0;
  for (std::string key; statistics >> key >> value;)
    if (key == name) return value;
  return 0;
}

double left_of(double most, double used) { return most > 0 ? std::max(1.0, most - used) : 0; }

}  // namespace

double group_processors(const ControlGroupFiles& files) {
  double processors = 0;
  for (const std::string& group : groups_of(files, "cpu")) {
    const Pair now = numbers_in(group + "/cpu.max");  // "QUOTA PERIOD" or "max PERIOD"
    if (now.second > 0) lower(processors, now.first / now.second);
    const double quota = number_in(group + "/cpu.cfs_quota_us");  // -1: none
    const double period = number_in(group + "/cpu.cfs_period_us");
    if (quota > 0 && period > 0) lower(processors, quota / period);
  }
  return processors;
}

double group_memory(const ControlGroupFiles& files) {
  constexpr double kNone = 1e18;  // version 1 writes 2^63 minus a page for "no limit"
  double bytes = 0;
  for (const std::string& group : groups_of(files, "memory")) {
    lower(bytes, left_of(number_in(group + "/memory.max"),
                         number_in(group + "/memory.current") - cached(group, "inactive_file")));
    if (const double most = number_in(group + "/memory.limit_in_bytes"); most < kNone)
      lower(bytes, left_of(most, number_in(group + "/memory.usage_in_bytes") -
                                     cached(group, "total_inactive_file")));
  }
  return bytes;
}

}  // namespace moesim
