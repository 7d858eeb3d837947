// Tests that every router generates the same text on any number of threads, also beyond its window.
#include "sim/model/generate.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

TEST_CASE("generate: every router goes on beyond its window, the same for any threads",
          "[generate]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    std::vector<std::vector<std::int32_t>> texts;
    for (const int threads : {1, 3}) {
      Training t({"router.name", router, "data.length", "12"}, threads);
      Generator generator(*t.model, 12, t.backend, {3}, {.temperature = 1, .top_k = 9, .seed = 7},
                          {.domains = {0}});
      for (int i = 0; i < 30; ++i) generator.next();
      texts.push_back(generator.tokens());
    }
    REQUIRE(texts[0].size() == 31);
    REQUIRE(
        std::all_of(texts[0].begin(), texts[0].end(), [](auto id) { return id >= 0 && id < 16; }));
    REQUIRE(texts[0] == texts[1]);
  }
}

}  // namespace
}  // namespace moesim::testing
