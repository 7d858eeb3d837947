#include "experiments/sweep/devices.hpp"

#include "experiments/sweep/child.hpp"
#include "experiments/sweep/run_config.hpp"
#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"

#include <set>

namespace moesim {

std::string why_missing(const std::string& device) {
  if (device == "cpu") return "";
  try {
    in_child("looks for the device", [&] { return make_backend(device, 0)->name(); });
  } catch (const Error& error) {
    if (error.code() != Exit::usage) throw;
    return error.what();
  }
  return "";
}

void require_devices(const std::vector<PlannedRun>& runs) {
  std::set<std::string> devices;
  for (const PlannedRun& run : runs) devices.insert(device_of(run.spec));
  for (const std::string& device : devices)
    if (const std::string why = why_missing(device); !why.empty()) fail(Exit::usage, why);
}

}  // namespace moesim
