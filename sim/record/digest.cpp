#include "sim/record/digest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesim {

void add_attributes(Sha256& sum, const std::map<std::string, Attribute>& attributes) {
  for (const auto& [name, value] : attributes) {
    if (name == kDigest || name == kEarlierDigest || name == "moesim_schema" ||
        is_setting_name(name))
      continue;
    sum.add(name + "=");
    std::visit([&](const auto& v) { sum.add(fmt::format("{}\n", v)); }, value);
  }
}

void add_description(Sha256& sum, const Variable& variable) {
  sum.add(fmt::format("{} {} {}\n{}\n{}\n", variable.name, fmt::join(variable.dims, ","),
                      fmt::join(variable.shape, ","), variable.long_name, variable.units));
  for (const std::string& text : variable.texts) sum.add(text + "\n");
}

}  // namespace moesim
