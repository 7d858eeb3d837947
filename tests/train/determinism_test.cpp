// The same bits on any number of threads: parameters and everything that is recorded.
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
        "router.name",   router, "train.batch",   "16",  "data.length",  "48", "model.width", "40",
        "expert.hidden", "300",  "model.dropout", "0.1", "data.symbols", "300"};
    const std::string one = fingerprint(settings, 1);
    for (const int threads : {2, 3, 7}) CHECK(fingerprint(settings, threads) == one);
    // The fingerprint sees what it should.
    std::vector<std::string> other = settings;
    other.insert(other.end(), {"train.rate", "0.00300001"});
    CHECK(fingerprint(other, 1) != one);
  }
}

TEST_CASE("determinism: gradient accumulation is a mean over micro-batches", "[train]") {
  if (!kDouble) return;
  // One step on 8 sequences, whole and in two halves of the same data order: the dense losses
  // agree.
  Training whole({"router.name", "dense", "run.steps", "1", "train.batch", "8"}, 1);
  Training parts(
      {"router.name", "dense", "run.steps", "1", "train.batch", "8", "train.accumulate", "2"}, 1);
  whole.run(), parts.run();
  const double a = whole.recorder->file().find("loss")->values[0],
               b = parts.recorder->file().find("loss")->values[0];
  CHECK(a > 0);
  CHECK(std::abs(a - b) < 0.2);  // other sequences, same source
  CHECK(parts.recorder->file().find("tokens")->values[0] ==
        whole.recorder->file().find("tokens")->values[0]);
}

}  // namespace
}  // namespace moesim::testing
