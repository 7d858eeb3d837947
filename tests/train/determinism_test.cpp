// Tests that parameters and records have the same bits on any number of threads.
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

namespace moesim::testing {
namespace {

std::string fingerprint(const std::vector<std::string>& settings, int threads) {
  Training training(settings, threads);
  training.run();
  return training.fingerprint();
}

TEST_CASE("determinism: every router, 1, 2, 3 and 7 threads", "[train][determinism]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    // Sizes beyond one tile in rows, columns and sums, so that there is something to distribute.
    const std::vector<std::string> settings = {
        "router.name",  router, "train.batch",   "16",  "data.length",   "48",
        "model.width",  "40",   "expert.hidden", "300", "model.dropout", "0.1",
        "data.symbols", "300",  "run.steps",     "2"};  // the second has the update of the first
    const std::string one = fingerprint(settings, 1);
    for (const int threads : {2, 3, 7}) CHECK(fingerprint(settings, threads) == one);
    if (router != Registry<Router>::names().front()) continue;
    // The fingerprint sees what it should.
    std::vector<std::string> other = settings;
    other.insert(other.end(), {"train.rate", "0.00300001"});
    CHECK(fingerprint(other, 1) != one);
  }
}

}  // namespace
}  // namespace moesim::testing
