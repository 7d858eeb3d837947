// Tests lora: what an adapter adds, how a bank starts, and that its base is never trained.
#include "tests/support/policy.hpp"
#include "tests/train/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// One token of 1, sent to expert 0 of two with gate 1; base 5, of width 1.
double output(const OptionValues& more,
              const std::vector<std::pair<const char*, std::vector<real>>>& values) {
  OptionValues options = {{"base", "linear"}, {"rank", "4"}, {"alpha", "2"}};
  for (const auto& [key, value] : more) options[key] = value;
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 1}, "token_choice",
                  {{"allow_constant_gate", "true"}, {"normalise", "sum"}}, "lora", 1, options);
  layer.set("weight", {1, 0});
  layer.set_expert("base", {5});
  for (const auto& [name, value] : values) layer.set_expert(name, value);
  return host(layer.run(table(1, 1, {1}))).front();
}

const std::vector<real> kA = {1, 2, 3, 4, 9, 9, 9, 9}, kB = {1, 1, 1, 1, 9, 9, 9, 9};

}  // namespace

TEST_CASE("lora: an adapter adds alpha / rank times A B", "[experts]") {
  const double close = 1e-12;
  CHECK_THAT(output({}, {{"a", kA}, {"b", kB}}), WithinAbs(5 + 0.5 * 10, close));
  CHECK_THAT(output({{"rslora", "true"}}, {{"a", kA}, {"b", kB}}), WithinAbs(5 + 1 * 10, close));
  // The norm of a column of one value is its size: μ |W| / |W + Δ| (W + Δ) = μ |W|.
  CHECK_THAT(output({{"dora", "true"}}, {{"a", kA}, {"b", kB}, {"size", {3, 9}}}),
             WithinAbs(15, close));
}

TEST_CASE("lora: a bank starts as its base, which no training changes", "[experts][train]") {
  const std::vector<real> zeros(8, 0);
  CHECK(output({}, {{"a", kA}, {"b", zeros}}) == 5);
  Training training({"expert.name", "lora", "run.steps", "20", "train.rate", "0.01"}, 1);
  std::vector<std::pair<Tensor, std::vector<real>>> frozen;
  for (const Parameter& p : training.model->parameters())
    if (p.frozen) frozen.emplace_back(p.value, p.value.to_host());
  CHECK(frozen.size() == 3 * training.model->moe_blocks().size());
  CHECK(training.run() == End::complete);
  for (const auto& [value, before] : frozen) CHECK(value.to_host() == before);
  bool learned = false;
  for (const Parameter& p : training.model->parameters())
    if (p.name.ends_with("down_b"))
      for (const real b : p.value.to_host()) learned = learned || b != 0;
  CHECK(learned);
}

TEST_CASE("lora: refuses a bank without adapters", "[experts]") {
  const auto refusal = refusal_of([] {
    make_expert("lora", {.width = 2, .experts = 2, .hidden = 2},
                {{"adapt_gate", "false"}, {"adapt_up", "false"}, {"adapt_down", "false"}});
  });
  CHECK_THAT(refusal, contains("no matrix has adapters"));
}

}  // namespace moesim::testing
