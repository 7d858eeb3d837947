// Tests that a step of micro-batches has the same bits on any number of threads and after a resume.
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/micro_arms.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("micro-batches: the same bits on 1, 2 and 3 threads", "[train][accumulate][micro]") {
  for (const Values& arm : kMicroArms)
    for (const char* parts : {"4", "6"}) {
      CAPTURE(arm, parts);
      const auto fingerprint = [&](int threads) {
        Training training(with(arm, {"train.batch", "12", "train.accumulate", parts, "data.length",
                                     "48", "model.width", "40", "expert.hidden", "300"}),
                          threads);
        training.run();
        return training.fingerprint();
      };
      const std::string one = fingerprint(1);
      for (const int threads : {2, 3}) CHECK(fingerprint(threads) == one);
    }
}

TEST_CASE("micro-batches: a run that is resumed has the bits of one that was not",
          "[train][accumulate][micro][resume]") {
  for (const Values& arm : kMicroArms) {
    CAPTURE(arm);
    const Values values =
        with(arm, {"train.batch", "12", "train.accumulate", "6", "run.steps", "5"});
    const TemporaryFolder straight_folder, folder;
    Kept straight(values, straight_folder / "");
    straight.finish();
    {
      Kept first(values, folder / "");
      StopAfter stop(5);
      REQUIRE(first.trainer->run({first.recorder.get(), &first.checkpointer, &stop}) ==
              End::stopped);
      REQUIRE(first.trainer->position().step > 0);
      first.checkpointer.write("");
    }
    Kept second(values, folder / "");
    REQUIRE(second.resume());
    REQUIRE(second.trainer->position().step < 5);
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

}  // namespace
}  // namespace moesim::testing
