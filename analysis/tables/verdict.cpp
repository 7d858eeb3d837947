#include "analysis/tables/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

std::vector<std::string> verdict(const std::vector<Arm>& arms, const std::string& baseline) {
  const auto base = std::find_if(arms.begin(), arms.end(), [&](const Arm& arm) {
    return arm.name == (baseline.empty() ? "dense" : baseline);
  });
  std::vector<std::string> sentences;
  if (base == arms.end()) return sentences;
  for (const Arm& arm : arms) {
    if (&arm == &*base) continue;
    const Difference difference = difference_of(arm.losses(), base->losses());
    if (arm.leaks)
      sentences.push_back(arm.name + " leaks future tokens: its loss is not comparable");
    else
      sentences.push_back(fmt::format("{} differs from {} by {:.4f}", arm.name, base->name,
                                      difference.sample.mean));
  }
  return sentences;
}

}  // namespace moesim
