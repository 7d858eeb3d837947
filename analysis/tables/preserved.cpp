#include "analysis/tables/preserved.hpp"

#include "sim/core/counted.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr const char* kNotMeasurable = "not measurable";
constexpr const char* kNoGain = "no gain";

// Gains over `dense` by seed that all three have.
struct Gains {
  std::vector<double> student, teacher;

  // True if the teacher is worse than `dense`: there is nothing to keep.
  bool none() const { return sample_of(teacher).mean < 0; }
};

Gains common_gains(const BySeed& dense, const BySeed& student, const BySeed& teacher) {
  Gains gains;
  for (const auto& [seed, loss] : dense) {
    const auto own = student.find(seed), best = teacher.find(seed);
    if (own == student.end() || best == teacher.end()) continue;
    gains.student.push_back(loss - own->second);
    gains.teacher.push_back(loss - best->second);
  }
  return gains;
}

}  // namespace

RatioEstimate preserved_share(const BySeed& dense, const BySeed& student, const BySeed& teacher) {
  const Gains gains = common_gains(dense, student, teacher);
  return ratio_of_means(gains.student, gains.teacher);
}

std::vector<RouterColumn> preserved_columns(const Arm& baseline, const Arm& teacher) {
  const BySeed dense = baseline.losses(), best = teacher.losses();
  const auto gains = [dense, best](const Arm& arm) {
    return common_gains(dense, arm.losses(), best);
  };
  RouterColumn value, interval;
  value.column = {"preserved_percent", fmt::format("of gain of {} %", teacher.name),
                  Column::Kind::number, 1, Column::Better::higher};
  value.cell = [gains](const RouterRow& row) -> Cell {
    const Gains own = gains(row.arm);
    const RatioEstimate kept = ratio_of_means(own.student, own.teacher);
    if (!kept.measurable) return std::string(kNotMeasurable);
    if (own.none()) return std::string(kNoGain);
    return 100 * kept.value;
  };
  interval.column = {"preserved_interval", "95 % of it", Column::Kind::interval, 1};
  interval.cell = [gains](const RouterRow& row) -> Cell {
    const Gains own = gains(row.arm);
    if (own.none()) return Interval{};
    const Interval kept = ratio_of_means(own.student, own.teacher).interval;
    return Interval{100 * kept.low, 100 * kept.high};
  };
  return {value, interval};
}

std::string preserved_note(const Arm& baseline, const Arm& teacher, const std::vector<Arm>& arms) {
  const Difference gain = difference_in_loss(teacher, baseline);
  std::string note = fmt::format(
      "of gain of {1}: ({0} - arm) / ({0} - {1}), losses by common seed, with Fieller's interval; "
      "{0} - {1} is {2:.4f}{3}",
      baseline.name, teacher.name, -gain.sample.mean,
      gain.sample.count < 2 ? ", of one seed: no interval"
      : gain.p >= 0.05      ? ", which is within its noise: the share is not measurable"
                            : "");
  if (gain.sample.mean > 0)
    note += fmt::format("; {} is worse than {}: it has no gain of which arms keep a share",
                        teacher.name, baseline.name);
  const BySeed dense = baseline.losses(), best = teacher.losses();
  for (const Arm& arm : arms) {
    const BySeed own = arm.losses();
    const std::size_t common = common_gains(dense, own, best).student.size();
    if (common < own.size())
      note += fmt::format("; {}: over {} of its {}", arm.name, common, counted(own.size(), "seed"));
  }
  return note;
}

}  // namespace moesim
