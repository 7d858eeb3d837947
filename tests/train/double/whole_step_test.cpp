// Tests balance losses whose counts are those of a whole step, or of its micro-batches so far.
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

// The training loss of every step.
std::vector<double> losses(const char* router, const char* scope, const char* parts) {
  const std::string section = std::string("router.") + router + ".";
  Training training(
      {"router.name", router, section + "balance_group", scope, section + "balance_weight", "1",
       section + "k", "2", "train.accumulate", parts},
      1);
  training.run();
  return training.recorder->file().all_values("loss");
}

// The largest difference.
double between(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("whole step: the loss of several micro-batches is that of one", "[train][state]") {
  for (const char* router : {"bias_balanced", "moe_plus_plus", "token_choice"}) {
    CAPTURE(router);
    const std::vector<double> one = losses(router, "batch", "1");
    CHECK(losses(router, "step", "1") == one);
    CHECK(losses(router, "running", "1") == one);
    const double close = 1e-11;
    CHECK(between(losses(router, "step", "2"), one) < close);
    CHECK(between(losses(router, "step", "4"), one) < close);
    // The other scopes differ, and so from the first step.
    CHECK(std::abs(losses(router, "running", "4").front() - one.front()) > 1e-4);
    CHECK(std::abs(losses(router, "batch", "4").front() - one.front()) > 1e-4);
  }
}

}  // namespace moesim::testing
