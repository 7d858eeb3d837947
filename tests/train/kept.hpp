// Runs a training with a checkpointer, for tests of the files on disk.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/core/error.hpp"
#include "sim/train/checkpointer.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace moesim::testing {

using Values = std::vector<std::string>;
using Weights = std::map<std::string, std::vector<real>>;  // by name

inline Weights weights_of(const Training& training) {
  Weights all;
  for (const NamedTensor& t : training.trainer->weights()) all[t.name] = t.value.to_host();
  return all;
}

// Stops after the given number of polls.
class StopAfter : public Hook {
 public:
  explicit StopAfter(index questions) : left_(questions) {}
  bool wants_stop() override { return left_-- <= 0; }

 private:
  index left_;
};

struct Kept : Training {
  Checkpointer checkpointer;
  Kept(const Values& values, const std::string& folder)
      : Training(values, 1), checkpointer(settings, *trainer, *recorder) {
    checkpointer.keep_at(folder, "config", "data");
  }
  bool resume() {
    return checkpointer.resume([](const std::string&) {});
  }
  // Trains to the end; rewinds after a divergence.
  void finish() {
    for (;;) {
      try {
        const End end = trainer->run({recorder.get(), &checkpointer});
        REQUIRE(end == End::complete);
        return;
      } catch (const Error& error) {
        if (error.code() != Exit::diverged || !checkpointer.rewind([](const std::string&) {}))
          throw;
      }
    }
  }
};

// A run of 6 steps with checkpoints at 2, 4 and 6 that lost what came after step 4, as after a kill,
// goes on to the bits of the uninterrupted one.
inline void check_resumed(const Values& values) {
  const TemporaryFolder folder;
  Kept straight(values, folder / "");
  straight.finish();
  CHECK(checkpoint_steps(folder / "").back() == 6);
  std::filesystem::remove_all(folder / "checkpoint/step-000000006");
  Kept second(values, folder / "");
  REQUIRE(second.resume());
  CHECK(second.trainer->position().step == 4);
  second.finish();
  CHECK(second.fingerprint() == straight.fingerprint());
}

inline Values with(Values values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

}  // namespace moesim::testing
