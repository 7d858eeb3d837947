#include "analysis/tables/verdict.hpp"

#include "analysis/tables/comparable.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace moesim {
namespace {

// Returns the decimals that show two digits of a number.
int decimals_of_size(double size) {
  if (!(size > 0) || !std::isfinite(size)) return 4;
  return std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 2, 8);
}

std::string rounded(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

// Formats p with enough digits to compare it with the significance level.
std::string p_text(double p) {
  constexpr double kLevel = 0.05;
  if (p < 0.001) return "p < 0.001";
  int decimals = decimals_of_size(p);
  while (p < kLevel && decimals < 8 && std::stod(rounded(p, decimals)) >= kLevel) ++decimals;
  return "p = " + rounded(p, decimals);
}

// True if the whole interval lies within the margin of equivalence.
bool is_small(const Difference& difference) {
  return std::max(std::abs(difference.interval.low), std::abs(difference.interval.high)) <
         kEquivalenceMargin;
}

// True if the arms are not separable: neither better, worse nor equivalent.
bool is_open(const Difference& difference) {
  return !std::isnan(difference.p_holm) && !difference.significant() && !is_small(difference);
}

std::string seeds_of(const Difference& difference) {
  return counted(difference.sample.count, "seed") +
         (difference.method == Difference::Method::paired ? "" : " (unpaired)");
}

std::string detectable_text(const Difference& difference) {
  const double detectable = difference.detectable();
  return rounded(detectable, decimals_of_size(detectable));
}

// Compared is two arms and the difference of the first from the second.
struct Compared {
  const Arm *arm = nullptr, *other = nullptr;
  Difference difference;
  bool lists_other = false;  // a list of such pairs has the name of `other`, and is about `arm`
};

// Returns "hash is better than dense by 0.021 (95 %: 0.010 to 0.032; p = 0.003 after Holm)"; empty
// if the difference is undefined.
std::string separation(const Arm& arm, const Arm& other, const Difference& difference) {
  if (std::isnan(difference.p_holm)) return "";
  const double low = difference.interval.low, high = difference.interval.high;
  const int decimals = decimals_of_size((high - low) / 2);
  const double furthest = std::max(std::abs(low), std::abs(high));
  const bool paired = difference.method == Difference::Method::paired;
  if (difference.significant()) {
    const bool better = difference.sample.mean < 0;
    return fmt::format("{} is {} than {} by {} ({}95 %: {} to {}; {} after Holm){}", arm.name,
                       better ? "better" : "worse", other.name,
                       rounded(std::abs(difference.sample.mean), decimals),
                       paired ? "" : "unpaired; ", rounded(better ? -high : low, decimals),
                       rounded(better ? -low : high, decimals), p_text(difference.p_holm),
                       is_small(difference)
                           ? fmt::format(", which is less than {} nats", kEquivalenceMargin)
                           : "");
  }
  if (is_small(difference))
    return fmt::format(
        "{} and {} are equivalent: within ± {} nats (the 95 % interval lies in ± {})", arm.name,
        other.name, rounded(furthest, decimals_of_size(furthest)), kEquivalenceMargin);
  return fmt::format("{} and {} are not separable with {}: smallest detectable difference {}",
                     arm.name, other.name, seeds_of(difference), detectable_text(difference));
}

// Adds the sentences about pairs of arms. Of each several that are not separable from the same arm
// with as many seeds the first place has one sentence:
// "not separable from dense with 5 seeds (smallest detectable difference): hash (0.021), soft (0.034)".
void add_separations(const std::vector<Compared>& pairs, std::vector<std::string>& sentences) {
  const auto title_of = [](const Compared& pair) {
    return fmt::format("not separable from {} with {} (smallest detectable difference): ",
                       (pair.lists_other ? pair.arm : pair.other)->name, seeds_of(pair.difference));
  };
  std::map<std::string, std::vector<std::string>> lists;  // by title
  for (const Compared& pair : pairs)
    if (is_open(pair.difference))
      lists[title_of(pair)].push_back(fmt::format("{} ({})",
                                                  (pair.lists_other ? pair.other : pair.arm)->name,
                                                  detectable_text(pair.difference)));
  for (const Compared& pair : pairs) {
    if (is_open(pair.difference)) {
      std::vector<std::string>& list = lists.at(title_of(pair));
      if (list.size() > 1) sentences.push_back(title_of(pair) + joined(list));
      if (list.size() != 1) {
        list.clear();
        continue;
      }
    }
    if (std::string sentence = separation(*pair.arm, *pair.other, pair.difference);
        !sentence.empty())
      sentences.push_back(std::move(sentence));
  }
}

// Adds the sentences about the arm with the lowest loss.
void add_best(const std::vector<Arm>& arms, const Arm* baseline, const std::string& of_which,
              std::vector<std::string>& sentences) {
  const std::optional<Best> best = best_of(arms, baseline);
  if (!best) return;
  const Arm& lowest = arms[best->arm];
  for (const std::size_t i : best->lower)
    sentences.push_back(fmt::format(
        "{} has a lower loss than {}, of one seed: it is not tested, and no arm is marked as best",
        arms[i].name, lowest.name));
  if (best->others.empty()) return;
  const std::string tested = best->untested.empty() ? "" : " with two or more seeds";
  const std::vector<std::size_t> tied = best->tied();
  const bool some_leak =
      std::any_of(arms.begin(), arms.end(), [](const Arm& arm) { return arm.leaks; });
  sentences.push_back(fmt::format(
      "{} has the lowest loss{}{}{}, {}", lowest.name,
      (some_leak || !best->lower.empty()) && of_which.empty() ? " of the arms" : of_which,
      some_leak ? " that do not look ahead" : "",
      best->lower.empty() ? ""
      : some_leak         ? " and have two or more seeds"
                          : tested,
      tied.empty() ? fmt::format("and every other{} is significantly worse", tested)
                   : fmt::format("but {} of {} others{} {} not separable from it", tied.size(),
                                 best->others.size(), tested, tied.size() == 1 ? "is" : "are")));
  std::vector<Compared> pairs;
  for (std::size_t i = 0; i < best->others.size(); ++i) {
    const Arm& other = arms[best->others[i]];
    const bool is_told =
        baseline != nullptr && (other.name == baseline->name || lowest.name == baseline->name);
    const Difference& difference = best->differences[i];
    if (!is_told && !difference.significant()) pairs.push_back({&lowest, &other, difference, true});
  }
  add_separations(pairs, sentences);
}

}  // namespace

std::vector<std::string> separations(const std::vector<Arm>& shown, const Arm* baseline,
                                     bool chosen) {
  const std::vector<Arm> arms = with_baseline(shown, baseline);
  const std::string of_which = !chosen ? ""
                               : arms.size() == shown.size()
                                   ? " of the arms chosen"
                                   : " of the arms chosen and the baseline";
  std::vector<std::string> sentences;
  if (!same_measure(arms) || !same_vocabulary(arms)) return sentences;
  add_best(arms, baseline, of_which, sentences);
  const std::vector<Difference> differences = differences_to(baseline, arms);
  std::vector<Compared> pairs;
  for (std::size_t i = 0; i < arms.size(); ++i)
    if (baseline != nullptr && !arms[i].leaks && !baseline->leaks)
      pairs.push_back({&arms[i], baseline, differences[i]});
  add_separations(pairs, sentences);
  return sentences;
}

std::vector<std::string> separations_from(const std::vector<Arm>& shown, const Arm* baseline,
                                          index from) {
  const std::vector<Arm> arms = with_baseline(shown, baseline);
  std::vector<std::string> sentences;
  if (baseline == nullptr || baseline->leaks_from || !same_measure(arms) || !same_vocabulary(arms))
    return sentences;
  const std::vector<Difference> differences = differences_to(baseline, arms, kLossFrom);
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!arms[i].leaks || arms[i].leaks_from) continue;
    if (const std::string sentence = separation(arms[i], *baseline, differences[i]);
        !sentence.empty())
      sentences.push_back(fmt::format("from position {} on, {}", from, sentence));
  }
  return sentences;
}

std::vector<std::string> verdict(const std::vector<Arm>& arms, const std::string& baseline) {
  const Arm* base = baseline_of(arms, baseline);
  std::vector<std::string> sentences = separations(arms, base);
  if (!same_measure(arms) || !same_vocabulary(arms))
    sentences.push_back(
        "the arms differ in task, data, vocabulary or in what was evaluated: their losses are not "
        "comparable");
  const std::optional<index> from = common_from(with_baseline(arms, base));
  if (from)
    for (std::string& sentence : separations_from(arms, base, *from))
      sentences.push_back(std::move(sentence));
  for (const Arm& arm : arms) {
    const std::size_t diverged = arm.diverged();
    if (arm.leaks)
      sentences.push_back(arm.name + " leaks future tokens: its loss is not comparable");
    if (arm.leaks && !arm.leaks_from && from)
      sentences.push_back(fmt::format(
          "from position {} on, {} does not look ahead: its loss from there is comparable", *from,
          arm.name));
    if (diverged > 0)
      sentences.push_back(fmt::format("{} diverged with {} of {}", arm.name, diverged,
                                      counted(arm.complete.size() + diverged, "seed")));
    const std::size_t losses = arm.loss().count;
    if (losses == 1)
      sentences.push_back(arm.name + " has one seed: how much of its loss is chance is unknown");
    if (losses == 0) sentences.push_back(arm.name + " has no complete run with an evaluation");
  }
  return sentences;
}

}  // namespace moesim
