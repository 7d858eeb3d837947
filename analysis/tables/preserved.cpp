#include "analysis/tables/preserved.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr const char* kNotMeasurable = "not measurable";

}  // namespace

RatioEstimate preserved_share(const BySeed& dense, const BySeed& student, const BySeed& teacher) {
  std::vector<double> gain, all;
  for (const auto& [seed, loss] : dense) {
    const auto own = student.find(seed), best = teacher.find(seed);
    if (own == student.end() || best == teacher.end()) continue;
    gain.push_back(loss - own->second);
    all.push_back(loss - best->second);
  }
  return ratio_of_means(gain, all);
}

std::vector<RouterColumn> preserved_columns(const Arm& baseline, const Arm& teacher) {
  const BySeed dense = baseline.losses(), best = teacher.losses();
  const auto share = [dense, best](const Arm& arm) {
    return preserved_share(dense, arm.losses(), best);
  };
  RouterColumn value, interval;
  value.column = {"preserved_percent", fmt::format("of gain of {} %", teacher.name),
                  Column::Kind::number, 1, Column::Better::higher};
  value.cell = [share](const RouterRow& row) -> Cell {
    const RatioEstimate kept = share(row.arm);
    if (!kept.measurable) return std::string(kNotMeasurable);
    return 100 * kept.value;
  };
  interval.column = {"preserved_interval", "95 % of it", Column::Kind::interval, 1};
  interval.cell = [share](const RouterRow& row) -> Cell {
    const Interval kept = share(row.arm).interval;
    return Interval{100 * kept.low, 100 * kept.high};
  };
  return {value, interval};
}

std::string preserved_note(const Arm& baseline, const Arm& teacher) {
  const Difference gain = difference_in_loss(teacher, baseline);
  return fmt::format(
      "of gain of {1}: ({0} - arm) / ({0} - {1}), losses by common seed, with Fieller's interval; "
      "{0} - {1} is {2:.4f}{3}",
      baseline.name, teacher.name, -gain.sample.mean,
      gain.sample.count < 2 ? ", of one seed: no interval"
      : gain.p < 0.05       ? ""
                            : ", which is within its noise: the share is not measurable");
}

}  // namespace moesim
