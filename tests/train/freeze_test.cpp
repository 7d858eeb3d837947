// Tests [freeze]: frozen parameters, and learning rates and weight decays of single parameters.
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <fnmatch.h>

namespace moesim::testing {
namespace {

const Values kSparseAndDense = {"run.steps",  "4", "router.name",  "token_choice",
                                "moe.every",  "2", "model.layers", "2",
                                "eval.every", "1"};

// The weights after a training, and which of them it changed.
struct Trained {
  explicit Trained(const Values& more) {
    Training training(with(kSparseAndDense, more), 1);
    const Weights before = weights_of(training);
    training.run();
    fingerprint = training.fingerprint();
    after = weights_of(training);
    for (const auto& [name, values] : after) changed[name] = values != before.at(name);
    losses = training.recorder->file().all_values("eval_loss");
    for (const auto& [name, shape] : training.trainer->shapes_of_state()) state.push_back(name);
    for (const Parameter& p : training.trainer->parameters())
      if (p.frozen) CHECK_FALSE(p.value.has_gradient());
  }
  std::string fingerprint;
  Weights after;
  std::map<std::string, bool> changed;
  std::vector<double> losses;
  std::vector<std::string> state;
};

void check_changed(const Trained& trained, const std::string& pattern, bool matching) {
  for (const auto& [name, changed] : trained.changed) {
    CAPTURE(name);
    CHECK(changed == ((fnmatch(pattern.c_str(), name.c_str(), 0) == 0) == matching));
  }
}

TEST_CASE("freeze: patterns, and what they leave trained", "[train][start]") {
  check_changed(Trained({"freeze.parameters", "*.moe.*"}), "*.moe.*", false);
  check_changed(Trained({"freeze.parameters", "*, !*.moe.*"}), "*.moe.*", true);
  // The last pattern that matches a name holds.
  check_changed(Trained({"freeze.parameters", "!*.moe.* *"}), "nothing", true);
  for (const std::string& name : Trained({"freeze.parameters", "* !*.moe.*"}).state)
    CHECK(name.find(".moe.") != std::string::npos);
}

TEST_CASE("freeze: with all parameters frozen the loss is constant", "[train][start]") {
  const Trained frozen({"freeze.parameters", "*"});
  check_changed(frozen, "nothing", true);
  CHECK(frozen.state.empty());
  REQUIRE(frozen.losses.size() == 5);
  for (const double loss : frozen.losses) CHECK(loss == frozen.losses.front());
  const Trained learning({});
  CHECK(learning.losses.back() != learning.losses.front());
}

TEST_CASE("freeze: a factor of 1 and the usual weight decay change no bit", "[train][start]") {
  for (const char* optimiser : {"adamw", "sgd"}) {
    const Values base = {"train.optimiser", optimiser, "train.rate", "0.01"};
    const Trained plain(base);
    CHECK(Trained(with(base, {"freeze.rate", "*:1"})).fingerprint == plain.fingerprint);
    CHECK(Trained(with(base, {"freeze.decay", "*.w1:0.1"})).fingerprint == plain.fingerprint);
    CHECK(Trained(with(base, {"freeze.rate", "*.w1:0.5"})).fingerprint != plain.fingerprint);
    CHECK(Trained(with(base, {"freeze.decay", "*.w1:0.2"})).fingerprint != plain.fingerprint);
    // The last pattern holds.
    CHECK(Trained(with(base, {"freeze.rate", "*:0.5, *:1"})).fingerprint == plain.fingerprint);
  }
}

TEST_CASE("freeze: a factor of 0 differs from freezing in the gradient norm only",
          "[train][start]") {
  const auto both = [](const char* clip) {
    const Values base = {"train.clip", clip, "train.rate", "0.01"};
    return std::pair(Trained(with(base, {"freeze.rate", "*.experts.*:0"})),
                     Trained(with(base, {"freeze.parameters", "*.experts.*"})));
  };
  const auto [zero, frozen] = both("0");
  CHECK(zero.after == frozen.after);
  check_changed(zero, "*.experts.*", false);
  CHECK(zero.state.size() > frozen.state.size());  // its moments are kept
  const auto [clipped_zero, clipped_frozen] = both("0.01");
  check_changed(clipped_zero, "*.experts.*", false);
  CHECK(clipped_zero.after != clipped_frozen.after);
}

TEST_CASE("freeze: patterns of the usual groups partition the parameters", "[train][start]") {
  const Training training(
      with(kSparseAndDense, {"moe.shared", "1", "router.name", "bias_balanced"}), 1);
  const std::vector<std::string> groups = {"*.moe.router.*", "*.moe.experts.*",  "*.moe.shared.*",
                                           "*.attention.*",  "*.feed_forward.*", "*norm*",
                                           "embedding",      "positions",        "head*"};
  index values = 0;
  for (const std::string& group : groups) {
    CAPTURE(group);
    index own = 0;
    for (const Parameter& p : training.trainer->parameters())
      if (fnmatch(group.c_str(), p.name.c_str(), 0) == 0) own += p.value.size();
    CHECK(own > 0);
    values += own;
  }
  CHECK(values == count(training.trainer->parameters()));
}

TEST_CASE("freeze: a resumed run has the bits of an uninterrupted one", "[train][resume]") {
  const Values values =
      with(kSparseAndDense,
           {"run.steps", "6", "checkpoint.every", "2", "freeze.parameters", "*.router.*",
            "freeze.rate", "*.experts.*:0.1, embedding:0", "freeze.decay", "*.w1:1"});
  check_resumed(values);
}

TEST_CASE("freeze: patterns without effect are errors", "[train][start]") {
  const auto refused = [](const char* key, const char* value, const std::string& message) {
    CAPTURE(key, value);
    CHECK_THROWS_WITH(Training(with(kSparseAndDense, {key, value}), 1), contains(message));
  };
  refused("freeze.parameters", "*.rooter.*",
          "no parameter matches *.rooter.*; did you mean *.router.*? of ");
  refused("freeze.parameters", "* !nothing", "no parameter matches nothing; of ");
  refused("freeze.rate", "*.expert.*:0.5", "did you mean *.experts.*?");
  for (const char* wrong : {"*.experts.*", ":1", "*:x", "*:-1", "*:inf", "*:"})
    refused("freeze.rate", wrong, "write PATTERN:number");
  refused("freeze.decay", "*:101", "from 0 to 100");
  CHECK_THROWS_WITH(Training(with(kSparseAndDense,
                                  {"freeze.parameters", "embedding", "freeze.rate", "embedding:2"}),
                             1),
                    contains("every parameter that matches embedding is frozen"));
}

}  // namespace
}  // namespace moesim::testing
