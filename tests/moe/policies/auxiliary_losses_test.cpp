// Tests the auxiliary-loss policy.
#include "sim/moe/policies/auxiliary_losses.hpp"

#include "tests/support/policy.hpp"

#include <map>

namespace moesim::testing {
namespace {

// Two sequences of two tokens, two experts, one choice each: the first sequence chooses expert 0,
// the second expert 1.
Decision decision() {
  const Tensor logits = table(4, 2, {1, 0, 1, 0, 0, 1, 0, 1});
  return {.logits = logits,
          .noisy = {.logits = logits, .deviation = {}},
          .scores = table(4, 2, {0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25, 0.75}),
          .choice = numbers({0, 0, 1, 1}),
          .gates = table(4, 1, {0.75, 0.75, 0.75, 0.75})};
}

std::map<std::string, double> losses(const OptionValues& options, const Decision& of,
                                     Noise::Kind noise = Noise::Kind::none,
                                     Group group = Group::batch) {
  std::map<std::string, double> values;
  std::vector<Tensor> totals;
  for (const Loss& loss : policy<AuxiliaryLosses>(options, noise, index(1), index(2))
                              .of(of, group, 2, Context(), totals))
    values[loss.name] = loss.weight * static_cast<double>(loss.value.item());
  return values;
}

void check_loss(const std::map<std::string, double>& losses, const std::string& name, double want) {
  REQUIRE(losses.size() == 1);
  CHECK(losses.begin()->first == name);
  CHECK_THAT(losses.begin()->second, WithinAbs(want, 1e-12));
}

}  // namespace

TEST_CASE("auxiliary losses: balance over the batch or per sequence", "[moe][policies]") {
  // 2 Σ f P: f = P = 1/2 over the batch; f = (1, 0), P = (3/4, 1/4) in a sequence.
  check_loss(losses({{"balance_weight", "1"}}, decision()), "balance", 1);
  check_loss(losses({{"balance_weight", "1"}, {"balance_group", "sequence"}}, decision()),
             "balance", 1.5);
  check_loss(losses({{"balance_weight", "0.5"}, {"balance_group", "sequence"}}, decision()),
             "balance", 0.75);
  CHECK(losses({{"balance_weight", "0"}}, decision()).empty());
}

TEST_CASE("auxiliary losses: importance, per group of places or of the gates", "[moe][policies]") {
  const OptionValues options = {{"balance_weight", "0"}, {"importance_weight", "1"}};
  check_loss(losses(options, decision()), "importance", 0);
  // Sums 3/2 and 1/2 per sequence: (1/2)² / 1².
  check_loss(losses(options, decision(), Noise::Kind::none, Group::sequence), "importance", 0.25);
  // With learned noise the gates of all tokens count: 3 tokens of expert 0, 1 of expert 1.
  Decision skewed = decision();
  skewed.choice = numbers({0, 0, 0, 1});
  check_loss(losses(options, skewed, Noise::Kind::learned, Group::sequence), "importance", 0.25);
  OptionValues sample = options;
  sample["cv_variance"] = "sample";
  check_loss(losses(sample, decision(), Noise::Kind::none, Group::sequence), "importance",
             0.5 / (1 + 1e-10));  // the ε of sim/moe/losses.cpp
}

TEST_CASE("auxiliary losses: fixed noise stays out of balance and importance", "[moe][policies]") {
  Decision noisy = decision();
  noisy.noisy.deviation = table(4, 2, std::vector<real>(8, 1));
  const OptionValues options = {{"balance_weight", "1"}, {"balance_group", "sequence"}};
  // softmax(1, 0) = 0.7311 in the place of the scores' 0.75.
  check_loss(losses(options, noisy, Noise::Kind::gaussian), "balance", 2 / (1 + std::exp(-1.0)));
  check_loss(losses(options, noisy, Noise::Kind::learned), "balance", 1.5);
}

TEST_CASE("auxiliary losses: the load loss needs noise, and an expert that was not chosen",
          "[moe][policies]") {
  const auto refusal = [](Noise::Kind noise, index k) {
    return refusal_of([&] {
      policy<AuxiliaryLosses>(OptionValues{{"load_weight", "0.1"}}, noise, k, index(2));
    });
  };
  CHECK_THAT(refusal(Noise::Kind::none, 1), contains("needs noise"));
  CHECK_THAT(refusal(Noise::Kind::gaussian, 2), contains("needs k < moe.experts"));
  CHECK(refusal(Noise::Kind::gaussian, 1) == "accepted");
  const OptionValues options = {{"balance_weight", "0"}, {"load_weight", "1"}};
  CHECK(losses(options, decision(), Noise::Kind::learned).empty());  // no noise in this pass
  const auto read = [](const OptionValues& given) {
    return policy<AuxiliaryLosses>(given, Noise::Kind::learned, index(1), index(2)).kept_values();
  };
  CHECK(read(options) == 3);
  CHECK(read({}) == 0);
  // Every choice has the same margin and the experts are chosen equally often.
  Decision noisy = decision();
  noisy.noisy.deviation = table(4, 2, std::vector<real>(8, 1));
  check_loss(losses(options, noisy, Noise::Kind::learned), "load", 0);
}

TEST_CASE("auxiliary losses: z, the mean square of log Σ exp of the clean logits",
          "[moe][policies]") {
  const double z = std::log(1 + std::exp(1.0));
  check_loss(losses({{"balance_weight", "0"}, {"z_weight", "1"}}, decision()), "z", z * z);
}

TEST_CASE("auxiliary losses: balance over the choices that get a place", "[moe][policies]") {
  Decision some = decision();
  some.kept = numbers({0, -1, 1, 1});
  // 2 Σ f P: f = (1/4, 1/2), P = 1/2.
  check_loss(losses({{"balance_weight", "1"}, {"balance_over", "kept"}}, some), "balance", 0.75);
  check_loss(losses({{"balance_weight", "1"}}, some), "balance", 1);
}

}  // namespace moesim::testing
