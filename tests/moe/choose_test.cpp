// Tests capacity assignment, top-k and the sorting of rows by expert.
#include "sim/moe/choose.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <vector>

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

Numbers fill(const Numbers& choice, index group, index capacity, Order order,
             const std::vector<real>& priority = {}) {
  const Indices asked = Indices::of(choice, test_backend());
  const Tensor scores = priority.empty() ? Tensor{}
                                         : Tensor::of({static_cast<index>(priority.size())},
                                                      priority, test_backend());
  return fill_capacity(asked, 2, 3, group, capacity, order, scores).to_host();
}

}  // namespace

// Four tokens, their first and second choice among three experts. Two places each.
//   t0: 0 1     t1: 0 2     t2: 0 1     t3: 1 0
TEST_CASE("fill_capacity: who gets the places", "[moe][choose]") {
  const Numbers choice = {0, 1, 0, 2, 0, 1, 1, 0};
  SECTION("all first choices first") {
    // First: 0 takes t0, t1 and is full for t2; 1 takes t3.
    // Second: 1 takes t0 and is full for t2; 2 takes t1; 0 is full for t3.
    CHECK(fill(choice, 4, 2, Order::choice) == Numbers{0, 1, 0, 2, -1, -1, 1, -1});
  }
  SECTION("token by token") {
    // t0 takes 0 and 1, t1 takes 0 and 2, t2 finds 0 full and takes 1, t3 finds 1 and 0 full.
    CHECK(fill(choice, 4, 2, Order::token) == Numbers{0, 1, 0, 2, -1, 1, -1, -1});
  }
  SECTION("by priority, choice by choice") {
    // In the order t2, t3, t0, t1. First: 0 takes t2, t0 and is full for t1; 1 takes t3.
    // Second: 1 takes t2 and is full for t0; 0 is full for t3; 2 takes t1.
    CHECK(fill(choice, 4, 2, Order::score, {0.4, 0.3, 0.9, 0.5}) ==
          Numbers{0, -1, -1, 2, 0, 1, 1, -1});
  }
  SECTION("equal priorities leave the order of tokens") {
    CHECK(fill(choice, 4, 2, Order::score, {1, 1, 1, 1}) == fill(choice, 4, 2, Order::choice));
  }
  SECTION("groups have places of their own") {
    // Of {t0, t1}, one place: 0 takes t0, then 1 takes t0, 2 takes t1. Of {t2, t3}: 0 takes t2, 1
    // takes t3, nothing is left.
    CHECK(fill(choice, 2, 1, Order::choice) == Numbers{0, 1, -1, 2, 0, -1, 1, -1});
  }
  SECTION("no limit") { CHECK(fill(choice, 4, 0, Order::token) == choice); }
  SECTION("a choice that was withdrawn takes no place") {
    // Without t0's first choice there is room for t2's.
    CHECK(fill({-1, 1, 0, 2, 0, 1, 1, 0}, 4, 2, Order::choice) ==
          Numbers{-1, 1, 0, 2, 0, -1, 1, -1});
  }
}

TEST_CASE("top_k: best first, ties to the lower number", "[moe][choose]") {
  const Tensor x = Tensor::of({1, 6}, {1, 3, 1, 3, 2, 1}, test_backend());
  for (index k = 1; k <= 6; ++k) {
    Numbers want = {1, 3, 4, 0, 2, 5};
    want.resize(static_cast<std::size_t>(k));
    CHECK(top_k(x, k).to_host() == want);
    CHECK(top_k_rows(x.reshape({6, 1}), 1, k).to_host() == want);
  }
}

TEST_CASE("assign: rows sorted by expert, in the order of tokens", "[moe][choose]") {
  const Indices choice = Indices::of({0, 1, 0, 2, 0, 1, 1, 0}, test_backend());
  const Indices kept = Indices::of({0, 1, 0, 2, -1, -1, 1, -1}, test_backend());
  const Tensor gates = Tensor::of({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, test_backend());
  const Assignment plan = assign(choice, kept, 2, 3, gates, 6);
  Numbers token = {0, 1, 0, 3, 1};
  std::vector<real> gate = {1, 3, 2, 7, 4};
  // Who would have to wait to know how many there are has the most that there can be.
  if (!test_backend().on_host()) token.push_back(-1), gate.push_back(0);
  CHECK(plan.token.to_host() == token);
  CHECK(plan.experts.offset.to_host() == Numbers{0, 2, 4, 5});
  CHECK(plan.experts.rows == static_cast<index>(token.size()));
  CHECK(plan.demand.to_host() == Numbers{4, 3, 1});
  CHECK(plan.gate.to_host() == gate);
}

}  // namespace moesim::testing
