// Tests the tokens over which the load balance loss is taken.
#include "sim/moe/policies/balance.hpp"

#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

// Two sequences of one token, two experts: the first chooses expert 0, the second expert 1.
struct Two {
  Tensor scores = table(2, 2, {0.75, 0.25, 0.25, 0.75});
  Indices choice = numbers({0, 1});
};

double loss(const std::string& group, const Context& context, std::vector<Tensor>& totals) {
  const Two two;
  const auto scope = policy<BalanceScope>({{"balance_group", group}}, std::string("batch"));
  return static_cast<double>(
      scope.loss(two.scores, two.choice, 1, Counted::all, 2, context, totals).item());
}

constexpr double kBalanceClose = 1e-12;

}  // namespace

TEST_CASE("balance: batch, sequence, and the step", "[moe][policies]") {
  Context context;
  std::vector<Tensor> totals;
  CHECK_THAT(loss("batch", context, totals), WithinAbs(1, kBalanceClose));
  CHECK_THAT(loss("sequence", context, totals), WithinAbs(1.5, kBalanceClose));
  CHECK(totals.empty());
  CHECK_THAT(loss("running", context, totals), WithinAbs(1, kBalanceClose));  // the first of a step
  REQUIRE(totals.size() == 1);
  check_values(totals[0], {1, 1});
  // Two tokens before, both of expert 0: f = 3/4, 1/4 of P = 1/2.
  StepLoad before{.demand = numbers({2, 0}), .tokens = 2, .totals = {table(1, 2, {2, 0})}};
  context.so_far = &before;
  CHECK_THAT(loss("running", context, totals),
             WithinAbs(2 * (0.75 * 0.5 + 0.25 * 0.5), kBalanceClose));
  StepLoad whole{.demand = numbers({8, 0}), .tokens = 8, .totals = {table(1, 2, {8, 0})}};
  context.whole_step = &whole;
  CHECK_THAT(loss("step", context, totals), WithinAbs(1, kBalanceClose));
  CHECK_THAT(loss("batch", context, totals), WithinAbs(1, kBalanceClose));
}

TEST_CASE("balance: the counts of the whole step weigh the micro-batch's scores",
          "[moe][policies]") {
  const auto scope = policy<BalanceScope>({{"balance_group", "step"}}, std::string("batch"));
  CHECK(scope.whole_step());
  CHECK(scope.totals(3) == std::vector<Shape>{{3}});
  StepLoad whole{.demand = numbers({6, 2}), .tokens = 8, .totals = {table(1, 2, {6, 2})}};
  Context context;
  context.whole_step = &whole;
  std::vector<Tensor> totals;
  const Tensor scores = table(1, 2, {0.25, 0.75});  // 2 · (6/8 · 1/4 + 2/8 · 3/4)
  const Tensor value = scope.loss(scores, numbers({1}), 1, Counted::all, 1, context, totals);
  check_values(value, {0.75});
  check_values(totals.at(0), {0, 1});
}

}  // namespace moesim::testing
