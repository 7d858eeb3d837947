// moesim info: what this build is and runs on.
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/version.hpp"
#include "sim/backend/backend.hpp"
#include "sim/config/registry.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace moesim {

int info_command(const Words& words) {
  Arguments arguments("info",
                      "Version, build, instruction set, provider of matrix products and devices.");
  arguments.flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  std::vector<std::string> devices = {"cpu"};
  for (const std::string& name : Registry<Backend>::names()) devices.push_back(name);
  const std::unique_ptr<Backend> cpu = make_backend("cpu", 0);
  if (arguments.has("json")) {
    const nlohmann::json document = {{"version", version()},
                                     {"git", git_revision()},
                                     {"build", build_description()},
                                     {"cpu", cpu->description()},
                                     {"devices", devices}};
    std::cout << document.dump(2) << '\n';
    return 0;
  }
  std::cout << "moesim   " << version() << " (" << git_revision() << ")\n"
            << "build    " << build_description() << '\n'
            << "cpu      " << cpu->description() << '\n'
            << "devices  " << joined(devices) << '\n';
  return 0;
}

}  // namespace moesim
