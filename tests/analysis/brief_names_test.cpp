// Tests the short names of arms in figures.
#include "analysis/figures/brief_names.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

Arm arm(const std::string& name, const std::string& router) {
  return {.name = name, .settings = {{"router.name", router}}};
}

}  // namespace

TEST_CASE("brief names: what all arms but dense have goes", "[analysis]") {
  const BriefNames brief =
      brief_names({arm("dense", "dense"), arm("token_choice capacity_factor=1 k=1", "token_choice"),
                   arm("token_choice capacity_factor=1 k=2", "token_choice"),
                   arm("token_choice capacity_factor=2 k=1", "token_choice")});
  CHECK(brief.names == Texts{"dense", "cf=1 k=1", "cf=1 k=2", "cf=2 k=1"});
  CHECK(brief.omitted == Texts{"token_choice"});
}

TEST_CASE("brief names: of settings that change together the first stays", "[analysis]") {
  const BriefNames brief = brief_names(
      {arm("capacity_factor=1 capacity_factor_eval=1 token_choice k=1", "token_choice"),
       arm("capacity_factor=1 capacity_factor_eval=1 token_choice k=2", "token_choice"),
       arm("capacity_factor=2 capacity_factor_eval=2 token_choice k=1", "token_choice")});
  CHECK(brief.names == Texts{"cf=1 k=1", "cf=1 k=2", "cf=2 k=1"});
  CHECK(brief.omitted == Texts{"token_choice", "capacity_factor_eval"});
}

TEST_CASE("brief names: what tells arms apart, and what someone wrote, stays", "[analysis]") {
  // Routers differ, so their names stay.
  CHECK(brief_names({arm("hash k=1", "hash"), arm("soft k=1", "soft")}).names ==
        Texts{"hash", "soft"});
  const Texts free{"no aux loss", "no jitter"};
  CHECK(brief_names({arm(free[0], "token_choice"), arm(free[1], "token_choice")}).names == free);
  const Texts settings{"token_choice (train.rate = 0.1)", "token_choice (train.rate = 0.2)"};
  CHECK(brief_names({arm(settings[0], "token_choice"), arm(settings[1], "token_choice")}).names ==
        settings);
  CHECK(brief_names({arm("token_choice k=1", "token_choice")}).names == Texts{"token_choice k=1"});
  CHECK(brief_names({}).names.empty());
}

}  // namespace moesim::testing
