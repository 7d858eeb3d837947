// Tests serving: the texts are those of a generator, and the experts that passes read are those of
// the router.
#include "sim/model/serving.hpp"

#include "sim/model/generate.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;
using Prompts = std::vector<std::vector<std::int32_t>>;

const Prompts kPrompts = {{3, 1, 4}, {1, 5, 9}, {2, 6, 5}, {3, 5, 8}};

Values choosing(const std::string& k) {
  return {"router.name",
          "token_choice",
          "router.token_choice.k",
          k,
          "router.token_choice.capacity_factor_eval",
          "0"};
}

TEST_CASE("serving: texts, passes and experts", "[serving]") {
  for (const index b : {1, 2, 4})
    for (const index k : {2, 4}) {
      CAPTURE(b, k);
      Training t(choosing(std::to_string(k)), 1);
      const Served served = serve(*t.model, 16, t.backend, kPrompts, {.texts = b, .tokens = 9});
      REQUIRE(served.first.size() == static_cast<std::size_t>(4 / b));
      REQUIRE(served.later.size() == static_cast<std::size_t>(4 / b * 8));
      REQUIRE(served.whole_windows == 0);
      REQUIRE(served.texts.size() == 4);
      for (std::size_t i = 0; i < kPrompts.size(); ++i) {
        Generator alone(*t.model, 16, t.backend, kPrompts[i], {.temperature = 0});
        for (int n = 0; n < 9; ++n) alone.next();
        REQUIRE(served.texts[i] == alone.tokens());
      }
      REQUIRE(served.touched.size() == 2);
      for (std::size_t layer = 0; layer < 2; ++layer) {
        REQUIRE(served.rows[layer] == static_cast<double>(k * 4 * 8));
        for (const auto& step : served.touched[layer]) {
          REQUIRE(std::is_sorted(step.begin(), step.end()));
          if (b == 1 || k == 4) REQUIRE(step.size() == static_cast<std::size_t>(k));
          REQUIRE(step.size() >= static_cast<std::size_t>(k));
          REQUIRE(step.size() <= static_cast<std::size_t>(std::min<index>(4, k * b)));
        }
      }
    }
}

TEST_CASE("serving: every text has its own task, in every batch", "[serving]") {
  Training t({"router.name", "task", "router.task.k", "1"}, 1);
  for (const Parameter& p : t.model->parameters()) {
    if (!p.name.ends_with("router.weight")) continue;
    std::vector<real> rows(static_cast<std::size_t>(p.value.size()), 0);  // [tasks, experts]
    const auto experts = static_cast<std::size_t>(p.value.cols());
    for (std::size_t task = 0; task < 3; ++task) rows[task * experts + task + 1] = 5;
    p.value.from_host(rows);
  }
  const std::vector<std::int32_t> tasks = {2, 0, 1, 2};
  const Served served = serve(*t.model, 16, t.backend, kPrompts,
                              {.texts = 1, .tokens = 3, .how = {.domains = tasks}});
  for (const auto& layer : served.touched) {
    REQUIRE(layer.size() == 4 * 2);  // later tokens
    for (std::size_t i = 0; i < layer.size(); ++i)
      REQUIRE(layer[i] == std::vector<std::int32_t>{tasks[i / 2] + 1});
  }
}

TEST_CASE("serving: all experts of a mixing and a merging; whole windows are counted",
          "[serving]") {
  for (const std::string router : {"soft", "lory"}) {
    CAPTURE(router);
    Training t({"router.name", router}, 1);
    const Served served = serve(*t.model, 16, t.backend, kPrompts, {.texts = 2, .tokens = 4});
    REQUIRE(served.whole_windows == (router == "soft" ? 6 : 0));
    for (const auto& step : served.touched[0])
      REQUIRE(step == std::vector<std::int32_t>{0, 1, 2, 3});
  }
  Training t(choosing("2"), 1);
  // The window of 16 tokens is full after 13 new ones; the last three passes are whole.
  REQUIRE(serve(*t.model, 16, t.backend, {{3, 1, 4}}, {.texts = 1, .tokens = 17}).whole_windows ==
          3);
}

TEST_CASE("serving: weights that a pass reads", "[serving]") {
  Training t(choosing("2"), 1);
  const auto all = static_cast<double>(count(t.model->parameters()));
  double sum = 0;
  for (const auto& [kind, values] : parameters_by_kind(*t.model)) {
    if (kind == "experts") REQUIRE(values == 2 * 4 * (2 * 16 * 32 + 32 + 16));
    if (kind == "routers") REQUIRE(values == 2 * 16 * 4);
    sum += static_cast<double>(values);
  }
  REQUIRE(sum == all);
  // 16 token ids and 16 positions of width 16: as many tokens read all of them, one token 2 rows.
  REQUIRE(weight_bytes(*t.model, 8, 16) == all * sizeof(real));
  REQUIRE(weight_bytes(*t.model, 8, 1) == (all - 2 * 15 * 16) * sizeof(real));
  REQUIRE(weight_bytes(*t.model, 3, 16) == (all - 5 * (2 * 16 * 32 + 32 + 16)) * sizeof(real));
}

}  // namespace
}  // namespace moesim::testing
