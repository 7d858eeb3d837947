#include "analysis/tables/held_out.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace moesim {
namespace {

BySeed losses_of(const ArmDomains& use, const DomainLossOf& loss) {
  BySeed losses;
  for (std::size_t i = 0; i < use.runs.size(); ++i)
    if (const double value = loss(*use.runs[i]); use.seeds[i] && !std::isnan(value))
      losses.emplace(*use.seeds[i], value);
  return losses;
}

}  // namespace

std::vector<bool> held_out_of(const ArmDomains& use) {
  const auto setting = use.arm->settings.find("data.held_out");
  if (setting == use.arm->settings.end() || setting->second.empty()) return {};
  std::string text = setting->second;
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream words(text);
  const std::vector<std::string>& names = use.runs.front()->names;
  std::vector<bool> held_out(names.size());
  for (std::string word; words >> word;)
    if (const auto at = std::find(names.begin(), names.end(), word); at != names.end())
      held_out[static_cast<std::size_t>(at - names.begin())] = true;
  return held_out;
}

DomainLossOf loss_over(const std::vector<bool>& held_out, bool which) {
  return [held_out, which](const DomainUse& run) {
    if (run.targets.size() != held_out.size() || run.loss.size() != held_out.size()) return kNone;
    double sum = 0, targets = 0;
    for (std::size_t d = 0; d < held_out.size(); ++d)
      if (held_out[d] == which && run.targets[d] > 0)
        sum += run.loss[d] * run.targets[d], targets += run.targets[d];
    return targets > 0 ? sum / targets : kNone;
  };
}

Difference loss_difference(const ArmDomains& use, const ArmDomains& baseline,
                           const DomainLossOf& loss) {
  return paired_difference(paired_differences(losses_of(use, loss), losses_of(baseline, loss)));
}

RatioEstimate gain_ratio(const ArmDomains& use, const ArmDomains& baseline) {
  const std::vector<bool> held_out = held_out_of(use);
  std::vector<double> gains[2];
  for (const bool which : {false, true})
    gains[which] = paired_differences(losses_of(baseline, loss_over(held_out, which)),
                                      losses_of(use, loss_over(held_out, which)));
  if (gains[0].size() != gains[1].size()) return {};
  return ratio_of_means(gains[1], gains[0]);
}

}  // namespace moesim
