// Tests the expert widths that make arms comparable (moe.match), by hand and for every router.
#include "sim/model/match.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

Values with(Values values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

std::unique_ptr<Training> sized(const std::string& measure, const Values& more) {
  return std::make_unique<Training>(
      with({"expert.hidden", "256", "moe.experts", "4", "moe.match", measure}, more), 1);
}

double measured(const Training& t, const std::string& measure) {
  if (measure == "active_flops") return t.model->flops_per_token();
  if (measure == "active_parameters") return t.model->active_parameters();
  return static_cast<double>(count(t.model->parameters()));
}

TEST_CASE("match: worked out by hand", "[nn][match]") {
  const Values top2 = {"router.name", "token_choice", "router.token_choice.k", "2"};
  // Width 16, two layers. FLOPs of a layer: dense 4·16·256 = 16384; k = 2 with a router of
  // 2·16·4: 2·4·16·h + 128, so h = 127: the multiple of 8 beside it is within 1 % of the whole.
  CHECK(sized("active_flops", top2)->model->expert_hidden() == 128);
  // Parameters of an expert: 33 h + 16. Dense: 8464. Four experts and a router of 64:
  // 132 h + 128, so h = 63.2; with 64 the model would be 1.2 % larger.
  CHECK(sized("total_parameters", top2)->model->expert_hidden() == 63);
  // Active: two of the four and the router, 66 h + 96, so h = 126.8.
  CHECK(sized("active_parameters", top2)->model->expert_hidden() == 128);
  CHECK(sized("active_flops", {"router.name", "dense", "router.dense.width_factor", "4"})
            ->model->expert_hidden() == 64);
  CHECK(sized("none", top2)->model->expert_hidden() == 256);
  const auto odd = sized("total_parameters", {"router.name", "hash", "moe.experts", "7",
                                              "expert.hidden", "64", "model.layers", "4"});
  // Dense: 33·64 + 16 = 2128; seven: 7 (33 h + 16), so h = 8.73.
  CHECK(odd->model->expert_hidden() == 9);
}

TEST_CASE("match: every router comes within a hundredth", "[nn][match]") {
  for (const std::string& measure : all_names<Match>(kMatches)) {
    if (measure == "none") continue;
    const double target = measured(*sized("none", {"router.name", "dense"}), measure);
    for (const std::string& router : Registry<Router>::names()) {
      CAPTURE(measure, router);
      const auto own = sized("none", {"router.name", router});
      if (own->model->moe_layer(0).expert().parameters().empty()) {  // routed attention
        CHECK_THROWS_WITH(sized(measure, {"router.name", router}), contains("runs no experts"));
        continue;
      }
      const auto arm = sized(measure, {"router.name", router});
      CHECK(std::abs(measured(*arm, measure) / target - 1) <= 0.01);
    }
  }
}

TEST_CASE("match: blocks without experts and other settings keep their size", "[nn][match]") {
  const Values values = {"moe.every", "2", "router.name", "token_choice"};
  const auto arm = sized("total_parameters", values);
  for (const Parameter& p : arm->model->parameters()) {
    if (p.name == "blocks.0.feed_forward.w1") CHECK(p.value.dim(2) == 256);
    if (p.name == "blocks.1.moe.experts.w1") CHECK(p.value.dim(2) == 64);
  }
  CHECK(arm->model->expert_hidden() == 64);
  CHECK(arm->settings.effective("expert.hidden") == "256");
}

TEST_CASE("match: adapters do not change the width", "[nn][match]") {
  const Values top2 = {"router.name", "token_choice", "router.token_choice.k", "2"};
  for (const std::string& measure : all_names<Match>(kMatches)) {
    const index width = sized(measure, top2)->model->expert_hidden();
    for (const std::string kind : {"lora", "molora", "loramoe", "mov"}) {
      CAPTURE(measure, kind);
      // Adapters of every expert are larger than those of one network, most of all with many experts.
      Values adapted = with(top2, {"adapter.kind", kind});
      if (kind != "lora") adapted = with(adapted, {"adapter.experts", "32"});
      const auto arm = sized(measure, adapted);
      CHECK(arm->model->expert_hidden() == width);
      CHECK(arm->settings.effective("adapter.kind") == kind);
      CHECK(count(arm->model->parameters()) > count(sized(measure, top2)->model->parameters()));
    }
  }
}

TEST_CASE("match: what cannot be matched is said", "[nn][match]") {
  try {
    sized("total_parameters", {"router.name", "hash", "moe.experts", "64", "expert.hidden", "8"});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK(std::string(error.what()).find("moe.match") != std::string::npos);
  }
}

}  // namespace
}  // namespace moesim::testing
