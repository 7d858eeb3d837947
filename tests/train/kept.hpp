// A training with a keeper, for tests of what is on disk.
#pragma once

#include "sim/core/error.hpp"
#include "sim/train/keeper.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

using Values = std::vector<std::string>;

// Stops after so many questions.
class StopAfter : public Hook {
 public:
  explicit StopAfter(index questions) : left_(questions) {}
  bool wants_stop() override { return left_-- <= 0; }

 private:
  index left_;
};

struct Kept : Training {
  Keeper keeper;
  Kept(const Values& values, const std::string& folder)
      : Training(values, 1), keeper(settings, *trainer, *recorder) {
    keeper.keep_at(folder, "config", "data");
  }
  bool resume() {
    return keeper.resume([](const std::string&) {});
  }
  // To the end, through what is to be survived.
  void finish() {
    for (;;) {
      try {
        const End end = trainer->run({recorder.get(), &keeper});
        REQUIRE(end == End::complete);
        return;
      } catch (const Error& error) {
        if (error.code() != Exit::diverged || !keeper.rewind([](const std::string&) {})) throw;
      }
    }
  }
};

inline Values with(Values values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

}  // namespace moesim::testing
