// Tests ratios of paired means, and the share of a teacher's gain that a student keeps.
#include "analysis/statistics/ratio.hpp"

#include "analysis/statistics/difference.hpp"
#include "analysis/tables/preserved.hpp"
#include "tests/analysis/outcomes.hpp"

#include <cmath>
#include <tuple>

namespace moesim::testing {
namespace {

// p of the paired t test of x - ρ y.
double p_at(const std::vector<double>& x, const std::vector<double>& y, double rho) {
  std::vector<double> rest;
  for (std::size_t i = 0; i < x.size(); ++i) rest.push_back(x[i] - rho * y[i]);
  return paired_difference(rest).p;
}

TEST_CASE("ratio: Fieller's bounds are where the t test of x - ρ y is at 5 %", "[analysis]") {
  const std::vector<double> x = {0.31, 0.22, 0.35, 0.18, 0.27}, y = {0.9, 1.1, 1.0, 0.7, 1.2};
  const RatioEstimate found = ratio_of_means(x, y);
  CHECK(found.measurable);
  CHECK_THAT(found.value, WithinAbs(1.33 / 4.9, 1e-12));
  CHECK_THAT(p_at(x, y, found.interval.low), WithinAbs(0.05, 1e-9));
  CHECK_THAT(p_at(x, y, found.interval.high), WithinAbs(0.05, 1e-9));
  CHECK(found.interval.low < found.value);
  CHECK(found.interval.high > found.value);
  CHECK(p_at(x, y, found.interval.low - 0.01) < 0.05);
  CHECK(p_at(x, y, found.value) > 0.999);
}

TEST_CASE("ratio: a denominator within its noise is not measurable", "[analysis]") {
  const std::vector<double> x = {0.1, 0.2, 0.3}, noisy = {1, -0.5, 0.4};
  CHECK_FALSE(ratio_of_means(x, noisy).measurable);
  CHECK(std::isnan(ratio_of_means(x, noisy).value));
  CHECK(std::isnan(ratio_of_means(x, noisy).interval.low));
  CHECK(ratio_of_means({2}, {4}).value == 0.5);
  CHECK(std::isnan(ratio_of_means({2}, {4}).interval.low));
  CHECK_FALSE(ratio_of_means({2}, {0}).measurable);
  CHECK(std::isnan(ratio_of_means({}, {}).value));
  // The same numbers: exactly 1.
  const std::vector<double> sure = {0.2, 0.21, 0.22};
  CHECK_THAT(ratio_of_means(sure, sure).interval.low, WithinAbs(1, 1e-7));
  CHECK_THAT(ratio_of_means(sure, sure).interval.high, WithinAbs(1, 1e-7));
}

TEST_CASE("preserved share: the published tables", "[analysis]") {
  // Fedus et al. 2022, table 6: dense -1.636, teacher -1.444.
  for (const auto& [student, percent] :
       {std::pair(1.631, 3), {1.598, 20}, {1.580, 29}, {1.579, 30}})
    CHECK(std::abs(100 * preserved_share({{0, 1.636}}, {{0, student}}, {{0, 1.444}}).value -
                   percent) < 0.5);
  // Table 7, by teacher. Percentages were printed from losses with more digits: 26.47 is printed as 27.
  for (const auto& [teacher, student, percent] : {std::tuple(1.505, 1.587, 37),
                                                  {1.474, 1.585, 32},
                                                  {1.444, 1.579, 30},
                                                  {1.432, 1.582, 27},
                                                  {1.427, 1.578, 28}})
    CHECK(std::abs(100 * preserved_share({{0, 1.636}}, {{0, student}}, {{0, teacher}}).value -
                   percent) < 0.55);
  // Common seeds only.
  CHECK_THAT(preserved_share({{0, 2}, {1, 3}, {2, 9}}, {{0, 1.5}, {1, 2.5}, {3, 0}},
                             {{0, 1}, {1, 2}, {2, 1}})
                 .value,
             WithinAbs(0.5, 1e-12));
}

TEST_CASE("compare --teacher: a column of preserved shares", "[analysis]") {
  std::vector<Outcome> runs;
  for (std::int64_t seed = 0; seed < 3; ++seed) {
    const double noise = 0.1 * static_cast<double>(seed);
    runs.push_back(outcome("dense", seed, 2.0 + noise));
    runs.push_back(outcome("hash", seed, 1.0 + 1.2 * noise));
    runs.push_back(outcome("student", seed, 1.75 + noise));
    runs.push_back(outcome("alike", seed, 2.0 + noise * (seed == 1 ? 1.5 : 0.9)));
  }
  const Table table = routers_table(runs, {.baseline = "dense", .teacher = "hash"});
  std::size_t column = 0;
  while (table.columns[column].key != "preserved_percent") ++column;
  CHECK_THAT(std::get<double>(table.rows[0][column]), WithinAbs(0, 1e-9));
  CHECK_THAT(std::get<double>(table.rows[1][column]), WithinAbs(100, 1e-9));
  // 0.25 of 1.0, 0.98 and 0.96
  CHECK_THAT(std::get<double>(table.rows[2][column]), WithinAbs(100 * 0.25 / 0.98, 1e-9));
  CHECK(std::get<Interval>(table.rows[2][column + 1]).low > 24);
  CHECK(std::get<Interval>(table.rows[2][column + 1]).high < 27);
  // A teacher that is no better than the baseline, within noise.
  const Table none = routers_table(runs, {.baseline = "dense", .teacher = "alike"});
  CHECK(std::get<std::string>(none.rows[2][column]) == "not measurable");
  CHECK(none.notes.back().find("within its noise") != std::string::npos);
  // A teacher that is worse: there is no gain.
  const Table worse = routers_table(runs, {.baseline = "hash", .teacher = "dense"});
  for (const auto& row : worse.rows) {
    CHECK(std::get<std::string>(row[column]) == "no gain");
    CHECK(std::isnan(std::get<Interval>(row[column + 1]).low));
  }
  CHECK(worse.notes.back().find("dense is worse than hash") != std::string::npos);
  CHECK(worse.notes.back().find("over") == std::string::npos);
  // A teacher with fewer seeds.
  std::erase_if(runs, [](const Outcome& run) { return run.arm == "hash" && run.seed == 2; });
  const Table fewer = routers_table(runs, {.baseline = "dense", .teacher = "hash"});
  CHECK(fewer.notes.back().find("; student: over 2 of its 3 seeds") != std::string::npos);
  CHECK(fewer.notes.back().find("hash: over") == std::string::npos);
  CHECK_THROWS_WITH(routers_table(runs, {.baseline = "dense", .teacher = "dense"}),
                    contains("needs another arm"));
  CHECK_THROWS_WITH(routers_table(runs, {.baseline = "dense", .teacher = "hsh"}), contains("hash"));
}

}  // namespace
}  // namespace moesim::testing
