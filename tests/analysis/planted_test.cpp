// Measures error rates on simulated sweeps: how often the routers table reports a difference that
// is absent, and finds one that is present.
#include "analysis/tables/comparable.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

// Independent of the standard library, whose normal_distribution is its own.
class Normal {
 public:
  explicit Normal(std::uint64_t seed) : bits_(seed) {}
  double operator()() {  // Box and Muller (1958)
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  double uniform() { return (static_cast<double>(bits_() >> 11) + 0.5) * 0x1p-53; }
  std::mt19937_64 bits_;
};

constexpr double kNoise = 0.01, kOfSeed = 0.02;

struct Sweep {
  std::vector<Outcome> outcomes;
  std::vector<Arm> arms;
};

// Losses of arms over seeds, of which each has its own level; the last arm is better by `effect`.
Sweep simulated(int arms, int seeds, double effect, bool paired, Normal& normal) {
  Sweep sweep;
  for (int seed = 0; seed < seeds; ++seed) {
    const double level = kOfSeed * normal();
    for (int arm = 0; arm < arms; ++arm) {
      Outcome run;
      run.arm = run.router = arm == 0 ? "dense" : "arm" + std::to_string(arm);
      run.status = "complete";
      run.seed = paired ? seed : seed + 1000 * arm;
      const double own_level = paired ? level : kOfSeed * normal();
      run.loss = 2 + own_level + kNoise * normal() - (arm == arms - 1 ? effect : 0);
      run.evaluated = run.uniform_loss = std::nan("");
      sweep.outcomes.push_back(run);
    }
  }
  sweep.arms = arms_of(sweep.outcomes);
  return sweep;
}

struct Rates {
  double any = 0, last = 0;  // share of sweeps in which a row differs; in which the last one does
  double per_row = 0;        // share of rows before Holm's adjustment
};

Rates rates_of(int arms, int seeds, double effect, bool paired = true) {
  constexpr int kSweeps = 1000;
  Normal normal(20240607);
  Rates rates;
  for (int i = 0; i < kSweeps; ++i) {
    const Sweep sweep = simulated(arms, seeds, effect, paired, normal);
    const std::vector<Difference> differences = differences_to(&sweep.arms[0], sweep.arms);
    bool any = false;
    for (const Difference& difference : differences) {
      any = any || difference.significant();
      rates.per_row += difference.p < 0.05;
    }
    rates.any += any;
    rates.last += differences.back().significant();
  }
  return {rates.any / kSweeps, rates.last / kSweeps, rates.per_row / kSweeps / (arms - 1)};
}

// Of the true noise, not of one that is estimated from a sweep.
double detectable(int arms, int seeds) {
  Difference difference;
  difference.error = std::sqrt(2.0 / seeds) * kNoise;
  difference.freedom = seeds - 1;
  difference.p = 1;
  difference.tests = static_cast<std::size_t>(arms - 1);
  return difference.detectable();
}

}  // namespace

TEST_CASE("planted effects: what is not there is found in 5 % of sweeps", "[analysis]") {
  struct Shape {
    int arms, seeds;
  };
  for (const Shape shape : {Shape{7, 3}, Shape{4, 5}, Shape{12, 8}}) {
    const Rates rates = rates_of(shape.arms, shape.seeds, 0);
    INFO(shape.arms << " arms, " << shape.seeds << " seeds: " << rates.any << ", by row "
                    << rates.per_row);
    CHECK(rates.any > 0.03);
    CHECK(rates.any < 0.07);
    CHECK(rates.per_row > 0.03);
    CHECK(rates.per_row < 0.07);
  }
}

TEST_CASE("planted effects: twice the smallest detectable is found in 80 % and more",
          "[analysis]") {
  CHECK(rates_of(7, 3, 2 * detectable(7, 3)).last > 0.8);
  CHECK(rates_of(12, 5, 2 * detectable(12, 5)).last > 0.8);
  // The smallest itself in about 80 %: a little more, as Holm's later steps are larger.
  const double smallest = rates_of(7, 5, detectable(7, 5)).last;
  INFO(smallest);
  CHECK(smallest > 0.77);
  CHECK(smallest < 0.87);
}

TEST_CASE("planted effects: unpaired seeds", "[analysis]") {
  // Without common seeds every run has its seed's level, so noise is larger; Welch's t keeps 5 %.
  const Rates rates = rates_of(2, 5, 0, false);
  INFO(rates.any);
  CHECK(rates.any > 0.02);
  CHECK(rates.any < 0.07);
}

}  // namespace moesim::testing
