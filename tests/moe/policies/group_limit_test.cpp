// Tests the policy that limits choices to the best groups of experts.
#include "sim/moe/policies/group_limit.hpp"

#include "sim/ops/choose.hpp"
#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

// Two tokens, three groups of two experts.
//   token 0:  5 0 | 3 3 | 4 -9     sums 5, 6, -5     largest 5, 3, 4
//   token 1: -1 -2 | -3 -1 | -2 -2  sums -3, -4, -4   largest -1, -1, -2
const std::vector<real> kValues = {5, 0, 3, 3, 4, -9, -1, -2, -3, -1, -2, -2};

// The k best experts of both tokens.
Numbers best(OptionValues options, index k) {
  options["groups"] = "3";
  const auto limit = policy<GroupLimit>(options, k, index(6));
  CHECK(limit.groups() == 3);
  return top_k(limit.within(table(2, 6, kValues)), k).to_host();
}

std::string refusal(const OptionValues& options, index k, index experts) {
  return refusal_of([&] { policy<GroupLimit>(options, k, experts); });
}

}  // namespace

TEST_CASE("group limit: groups are ranked by the sum of their best experts", "[moe][policies]") {
  CHECK(best({}, 2) == Numbers{2, 3, 0, 1});
  CHECK(best({{"group_best", "1"}}, 2) == Numbers{0, 1, 0, 1});  // ties to the lower group
  CHECK(best({{"top_groups", "2"}}, 3) == Numbers{0, 2, 3, 0, 3, 1});
  // 0: k / top_groups = 2 / 2 = 1 of each: groups 0 and 2 of token 0.
  CHECK(best({{"top_groups", "2"}, {"group_best", "0"}}, 2) == Numbers{0, 4, 0, 3});
}

TEST_CASE("group limit: values in chosen groups stay as they are", "[moe][policies]") {
  const OptionValues options = {{"groups", "3"}, {"top_groups", "2"}};
  const std::vector<double> got =
      host(policy<GroupLimit>(options, index(2), index(6)).within(table(2, 6, kValues)));
  for (const std::size_t i : {0, 1, 2, 3, 6, 7, 8, 9}) CHECK(got[i] == double(kValues[i]));
  for (const std::size_t i : {4, 5, 10, 11}) CHECK(got[i] < -1e29);
  CHECK(host(policy<GroupLimit>(OptionValues{}, index(2), index(6)).within(table(2, 6, kValues))) ==
        std::vector<double>(kValues.begin(), kValues.end()));
}

TEST_CASE("group limit: sizes that do not fit are rejected", "[moe][policies]") {
  CHECK_THAT(refusal({{"groups", "4"}}, 1, 6), contains("does not divide the 6 experts"));
  CHECK_THAT(refusal({{"groups", "2"}, {"top_groups", "3"}}, 1, 6), contains("only 2 groups"));
  CHECK_THAT(refusal({{"groups", "3"}}, 3, 6), contains("fewer than k = 3"));
  CHECK(refusal({{"groups", "6"}, {"top_groups", "3"}}, 3, 6) == "accepted");
}

}  // namespace moesim::testing
