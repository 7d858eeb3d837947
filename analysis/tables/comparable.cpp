#include "analysis/tables/comparable.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace moesim {

namespace {

// Returns true if all known values are equal.
bool has_one_value(const std::vector<Arm>& arms, double Outcome::*field) {
  std::set<double> values;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs)
      if (!std::isnan(run->*field)) values.insert(run->*field);
  return values.size() < 2;
}

}  // namespace

bool same_measure(const std::vector<Arm>& arms) {
  std::set<std::string> tasks, data, evaluations;
  std::set<double> sequences;
  const auto add = [](std::set<std::string>& all, const Outcome& run, const char* key) {
    if (const auto found = run.settings.find(key); found != run.settings.end())
      all.insert(found->second);
  };
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.complete) {
      add(tasks, *run, "task.name");
      add(data, *run, "data.sha256");
      evaluations.insert(run->evaluation_sha256);
      if (std::isfinite(run->evaluated)) sequences.insert(run->evaluated);
    }
  // Orders of training documents, for example, change the data and not the evaluation.
  const bool same_evaluation = evaluations.size() == 1 && !evaluations.begin()->empty();
  return tasks.size() < 2 && (same_evaluation || data.size() < 2) && sequences.size() < 2;
}

bool same_vocabulary(const std::vector<Arm>& arms) {
  return has_one_value(arms, &Outcome::uniform_loss);
}

bool compares_bytes(const std::vector<Arm>& arms) {
  const bool known = std::any_of(arms.begin(), arms.end(), [](const Arm& arm) {
    return std::any_of(arm.runs.begin(), arm.runs.end(),
                       [](const Outcome* run) { return !std::isnan(run->bytes_per_token); });
  });
  return known && !(same_vocabulary(arms) && has_one_value(arms, &Outcome::bytes_per_token));
}

std::vector<std::size_t> Best::tied() const {
  std::vector<std::size_t> arms;
  for (std::size_t i = 0; i < others.size(); ++i)
    if (!differences[i].significant()) arms.push_back(others[i]);
  return arms;
}

std::vector<std::size_t> Best::marked() const {
  if (!lower.empty()) return {};
  std::vector<std::size_t> arms = tied();
  arms.push_back(arm);
  return arms;
}

std::vector<Arm> with_baseline(std::vector<Arm> arms, const Arm* baseline) {
  if (baseline != nullptr && std::none_of(arms.begin(), arms.end(), [&](const Arm& arm) {
        return arm.name == baseline->name;
      }))
    arms.push_back(*baseline);
  return arms;
}

std::optional<index> common_from(const std::vector<Arm>& arms) {
  std::set<double> positions;
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs)
      if (!std::isnan(run->loss_from)) positions.insert(run->from);
  if (positions.size() != 1 || std::isnan(*positions.begin())) return std::nullopt;
  return static_cast<index>(*positions.begin());
}

std::vector<Difference> differences_to(const Arm* baseline, const std::vector<Arm>& arms,
                                       const LossOf& loss) {
  std::vector<Difference> differences(arms.size());
  if (baseline == nullptr) return differences;
  for (std::size_t i = 0; i < arms.size(); ++i)
    if (arms[i].name != baseline->name) differences[i] = difference_of(arms[i], *baseline, loss);
  adjust(differences);
  return differences;
}

std::optional<Best> best_of(const std::vector<Arm>& arms, const Arm* baseline, const LossOf& loss) {
  if (!same_measure(arms) || !same_vocabulary(arms)) return std::nullopt;
  std::vector<std::size_t> candidates, untested;
  std::optional<Best> best;
  double lowest = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const Sample sample = sample_of(values_of(arms[i].complete, loss));
    if (arms[i].*loss.leaks || sample.count < 1 || !std::isfinite(sample.mean)) continue;
    if (sample.count == 1) {
      untested.push_back(i);
      continue;
    }
    candidates.push_back(i);
    if (!best || sample.mean < lowest) best = Best{i, {}, {}}, lowest = sample.mean;
  }
  if (!best) return best;
  best->untested = untested;
  for (const std::size_t i : untested)
    if (sample_of(values_of(arms[i].complete, loss)).mean < lowest) best->lower.push_back(i);
  for (const std::size_t i : candidates) {
    if (i == best->arm) continue;
    best->others.push_back(i);
    best->differences.push_back(difference_of(arms[i], arms[best->arm], loss));
  }
  adjust(best->differences);
  // If both families test a pair, it counts as different only if both tests say so.
  if (baseline == nullptr) return best;
  const std::vector<Difference> to_baseline = differences_to(baseline, arms, loss);
  for (std::size_t i = 0; i < best->others.size(); ++i) {
    const std::size_t other = best->others[i];
    const bool best_is_baseline = arms[best->arm].name == baseline->name;
    if (!best_is_baseline && arms[other].name != baseline->name) continue;
    double& p = best->differences[i].p_holm;
    p = std::max(p, to_baseline[best_is_baseline ? other : best->arm].p_holm);
  }
  return best;
}

}  // namespace moesim
