// moesim info: prints version, build and devices.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/version.hpp"
#include "sim/backend/backend.hpp"
#include "sim/config/registry.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

namespace moesim {
namespace {

struct ListedDevice {
  std::string name, description;
  bool usable;
};

// Appends all devices of every other kind in this build, or why there are none.
std::vector<ListedDevice> other_devices() {
  std::vector<ListedDevice> devices;
  for (const std::string& kind : Registry<Backend>::names())
    for (int number = 0;; ++number) {
      const std::string name = kind + ":" + std::to_string(number);
      try {
        devices.push_back({name, make_backend(name, 0)->description(), true});
      } catch (const Error& error) {
        std::string why = error.what();
        const std::string where = "run.device = " + name + ": ";
        if (why.starts_with(where)) why.erase(0, where.size());
        if (number == 0) devices.push_back({kind, why, false});
        break;
      }
    }
  if (!Registry<Backend>::all().contains("cuda"))
    devices.push_back({"cuda", "built without CUDA", false});
  return devices;
}

}  // namespace

Arguments info_arguments() {
  Arguments arguments("info",
                      "Prints version, build, instruction set, matrix library and devices.");
  arguments.flag("json", "print one JSON document");
  return arguments;
}

int info_command(const Words& words) {
  Arguments arguments = info_arguments();
  if (!arguments.parse(words)) return 0;
  const std::unique_ptr<Backend> cpu = make_backend("cpu", 0);
  const std::vector<ListedDevice> devices = other_devices();
  if (arguments.has("json")) {
    std::vector<std::string> names = {"cpu"};
    for (const ListedDevice& device : devices)
      if (device.usable) names.push_back(device.name);
    nlohmann::json document = {{"version", version()},
                               {"git", git_revision()},
                               {"build", build_description()},
                               {"cpu", cpu->description()},
                               {"devices", names}};
    for (const ListedDevice& device : devices) document[device.name] = device.description;
    std::cout << document.dump(2) << '\n';
    return 0;
  }
  std::cout << "moesim   " << version() << " (" << git_revision() << ")\n"
            << "build    " << build_description() << '\n'
            << "cpu      " << cpu->description() << '\n';
  for (const ListedDevice& device : devices)
    std::cout << fmt::format("{:<8} {}\n", device.name, device.description);
  return 0;
}

}  // namespace moesim
