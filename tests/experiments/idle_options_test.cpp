// Tests which settings are noted because no run of a sweep uses them.
#include "experiments/sweep/idle_options.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

PlannedOption option(const std::string& key, const std::string& value,
                     const std::string& otherwise) {
  return {key, value, otherwise, ""};
}

std::vector<std::string> notes_of(const std::vector<std::vector<PlannedOption>>& runs,
                                  const std::string& unset = "") {
  IdleOptions idle;
  for (const std::vector<PlannedOption>& options : runs) {
    Settings settings;
    for (const PlannedOption& each : options)
      if (each.key != unset) settings.set(each.key, each.value, "a.ini:3");
    idle.add(settings, options);
  }
  return idle.notes();
}

}  // namespace

TEST_CASE("idle options: what no run uses is noted", "[experiments]") {
  const PlannedOption share = option("train.decay_share", "0.3", "0.2");
  const PlannedOption cosine = option("train.schedule", "cosine", "cosine");
  const PlannedOption wsd = option("train.schedule", "wsd", "cosine");
  const std::string note =
      "a.ini:3: train.decay_share = 0.3 has no effect with train.schedule = cosine";
  CHECK(notes_of({{share, cosine}}) == std::vector<std::string>{note});
  CHECK(notes_of({{share, cosine}, {share, cosine}}) == std::vector<std::string>{note});
  CHECK(notes_of({{share, wsd}}).empty());
  CHECK(notes_of({{share, cosine}, {share, wsd}}).empty());  // one arm of the sweep uses it
  CHECK(notes_of({{option("train.decay_share", "0.2", "0.2"), cosine}}).empty());
  CHECK(notes_of({{share, cosine}}, "train.decay_share").empty());
}

TEST_CASE("idle options: one condition of several is enough", "[experiments]") {
  const PlannedOption fill = option("router.token_choice.fill", "gate", "token");
  const PlannedOption none = option("router.token_choice.capacity_factor", "0", "1.25");
  const PlannedOption eval = option("router.token_choice.capacity_factor_eval", "2", "2");
  const PlannedOption no_eval = option("router.token_choice.capacity_factor_eval", "0", "2");
  CHECK(notes_of({{fill, none, eval}}).empty());
  CHECK(notes_of({{fill, none, no_eval}}) ==
        std::vector<std::string>{"a.ini:3: router.token_choice.fill = gate has no effect with "
                                 "router.token_choice.capacity_factor = 0"});
  CHECK(notes_of({{fill}}).empty());  // a router without such options
}

}  // namespace moesim::testing
