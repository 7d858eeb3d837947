// Tests hash: balanced and random tables.
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <vector>

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

// The expert of each token id.
Numbers table_of(const Site& site, const OptionValues& options) {
  const auto router = make_router("hash", site, options);
  Numbers ids(static_cast<std::size_t>(site.vocabulary));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i);
  const index T = static_cast<index>(ids.size());
  const Indices on_device = Indices::of(ids, test_backend());
  Context context;
  const Routing routing =
      router->route(tokens_of(Tensor::zeros({T, 1}, test_backend()), 1, T, on_device, context));
  const auto& plan = std::get<Assignment>(routing.plan);
  CHECK_FALSE(plan.gate);  // 1
  const Numbers token = plan.token.to_host(), offset = plan.experts.offset.to_host();
  Numbers table(ids.size(), -1);
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i)
      table[static_cast<std::size_t>(token[i])] = static_cast<std::int32_t>(e);
  return table;
}

}  // namespace

TEST_CASE("hash: the balanced table gives ids to the expert with the least load", "[routers]") {
  Site site{.width = 1, .experts = 2, .batch = 1, .length = 6, .vocabulary = 6};
  SECTION("by hand") {
    // By falling frequency: id 2 (9) to 0, id 0 (5) to 1, id 4 (4) to 1 (5 < 9), id 1 (3) to 0
    // (9 and 9, fewer ids), id 3 (1) to 1 (12 and 9), id 5 (0) to 1 (12 and 10).
    site.unigram = {5, 3, 9, 1, 4, 0};
    CHECK(table_of(site, {}) == Numbers{1, 0, 0, 1, 1, 1});
  }
  SECTION("ids without counts are spread evenly") {
    CHECK(table_of(site, {}) == Numbers{0, 1, 0, 1, 0, 1});
  }
}

TEST_CASE("hash: load is balanced for a skewed vocabulary", "[routers]") {
  Site site{.width = 1, .experts = 8, .batch = 1, .length = 4, .vocabulary = 500};
  for (index id = 0; id < 500; ++id) site.unigram.push_back(100000 / (id + 10));
  const Numbers table = table_of(site, {});
  std::vector<std::int64_t> load(8);
  for (std::size_t id = 0; id < table.size(); ++id)
    load[static_cast<std::size_t>(table[id])] += site.unigram[id];
  // Within the count of the rarest id.
  const auto [least, most] = std::minmax_element(load.begin(), load.end());
  CHECK(*most - *least <= 100000 / 509);
}

TEST_CASE("hash: a random table depends on its seed alone", "[routers]") {
  const Site site{.width = 1, .experts = 4, .batch = 1, .length = 4, .vocabulary = 100};
  const Numbers table = table_of(site, {{"table", "random"}, {"seed", "3"}});
  CHECK(table == table_of(site, {{"table", "random"}, {"seed", "3"}}));
  CHECK(table != table_of(site, {{"table", "random"}, {"seed", "4"}}));
  for (std::int32_t e = 0; e < 4; ++e)
    CHECK(std::count(table.begin(), table.end(), e) > 10);  // 25 expected
}

TEST_CASE("hash: without ids, every sequence by position", "[routers]") {
  const auto router = make_router("hash", {.width = 1, .experts = 2, .batch = 2, .length = 4}, {});
  const auto served = [&](index batch, index length) {
    const index T = batch * length;
    Context context;
    const Routing routing =
        router->route(tokens_of(Tensor::zeros({T, 1}, test_backend()), batch, length, {}, context));
    const auto& plan = std::get<Assignment>(routing.plan);
    return std::pair(plan.token.to_host(), plan.experts.offset.to_host());
  };
  CHECK(served(2, 4) == std::pair(Numbers{0, 2, 4, 6, 1, 3, 5, 7}, Numbers{0, 4, 8}));
  CHECK(served(2, 3) == std::pair(Numbers{0, 2, 3, 5, 1, 4}, Numbers{0, 4, 6}));
  CHECK_THROWS_WITH(served(1, 5), contains("sequences of 5 for a table of 4 positions"));
}

}  // namespace moesim::testing
