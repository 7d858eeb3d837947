// Proves that explanations of routers are what they do: stated values of losses against the
// losses of a balanced batch, capacities worked out by hand; a router without words of its own is
// explained, too.
#include "sim/moe/explain.hpp"

#include "sim/config/text.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Sentences = std::vector<Explained>;

// The sentences about a router of this name at this site, with these options.
Sentences sentences(const std::string& name, const Site& site, const OptionValues& values = {}) {
  Settings settings;
  for (const auto& [key, value] : values) settings.set("router." + name + "." + key, value, "test");
  Options options(settings, "router." + name);
  const auto router = Registry<Router>::find(name).make(site, options);
  explain_router(options, site, *router);
  return settings.explained();
}

Site site_of(index batch, index length, index experts) {
  Site site;
  site.width = 16, site.experts = experts, site.batch = batch, site.length = length;
  site.vocabulary = 32, site.evaluation_batch = 4;
  return site;
}

// The text of this topic that begins like this; "" if there is none.
std::string sentence(const Sentences& all, Topic topic, const std::string& begin) {
  for (const Explained& each : all)
    if (each.topic == topic && each.text.starts_with(begin)) return each.text;
  return {};
}

// The value that a sentence states for a loss, in "it is VALUE and adds SHARE per MoE layer".
double stated(const Sentences& all, const std::string& loss) {
  const std::string text = sentence(all, Topic::losses, loss + ":");
  const std::size_t begin = text.rfind("it is ") + 6;
  double value = NAN;
  config::parse(text.substr(begin, text.find(' ', begin) - begin), value);
  return value;
}

double value_of(const Tensor& loss) { return host(loss).at(0); }

// E tokens that choose every expert equally often, at every place; all scores are 1 / E.
struct Balanced {
  index E, k;
  Tensor scores() const {
    return Tensor::full({E, E}, real(1) / static_cast<real>(E), test_backend());
  }
  Indices choice() const {
    std::vector<std::int32_t> all;
    for (index t = 0; t < E; ++t)
      for (index j = 0; j < k; ++j) all.push_back(static_cast<std::int32_t>((t + j) % E));
    return numbers(all);
  }
};

}  // namespace

TEST_CASE("explain: losses have the values that are stated", "[moe]") {
  const index E = 4, k = 2;
  const Balanced batch{E, k};
  const Sentences all = sentences("token_choice", site_of(2, 8, E),
                                  {{"k", "2"},
                                   {"balance_weight", "0.5"},
                                   {"importance_weight", "1"},
                                   {"z_weight", "0.1"},
                                   {"entropy_weight", "1"},
                                   {"marginal_entropy_weight", "1"},
                                   {"orthogonal_weight", "1"},
                                   {"weight_penalty", "1"},
                                   {"devices", "2"},
                                   {"device_weight", "1"},
                                   {"communication_weight", "1"}});
  const double tolerance = 5e-4;  // four digits are printed
  const auto same = [&](const std::string& loss, const Tensor& value) {
    CAPTURE(loss, sentence(all, Topic::losses, loss));
    CHECK_THAT(stated(all, loss), WithinAbs(value_of(value), tolerance));
  };
  same("balance", balance_loss(batch.scores(), batch.choice(), k, Counted::all, 1));
  CHECK_THAT(value_of(balance_loss(batch.scores(), batch.choice(), k, Counted::first, 1)),
             WithinAbs(1, 1e-6));
  same("importance", importance_loss(batch.scores(), 1, Variance::population));
  same("z", z_loss(Tensor::zeros({E, E}, test_backend())));
  CHECK_THAT(stated(all, "z"), WithinAbs(std::log(4.0) * std::log(4.0), tolerance));
  same("device", device_balance_loss(batch.scores(), batch.choice(), k, 2));
  // Every token has one choice on each of the two devices.
  same("communication",
       communication_loss(batch.scores(), numbers({0, 2, 1, 3, 2, 0, 3, 1}), k, 2, 2));
  const Tensor certain = table(2, 2, {1, 0, 1, 0});
  same("entropy", entropy_loss(certain));
  same("marginal_entropy", marginal_entropy_loss(certain));
  same("orthogonal", orthogonality_loss(table(2, 2, {1, 0, 0, 1}), Orthogonality::cosine));
  same("weight", weight_loss(Tensor::zeros({2, 2}, test_backend())));
  CHECK(sentence(all, Topic::losses, "balance:")
            .ends_with("at balance it is 1 and adds 0.5 per MoE layer"));
}

TEST_CASE("explain: MoE++ weights its free choices in the balance loss", "[moe]") {
  // 4 experts, 2 constant, 1 copy and 1 zero expert: Σ η f P · 8/2 = (4 + 4 · 0.5) / 8.
  const Balanced batch{8, 2};
  const Sentences all =
      sentences("moe_plus_plus", site_of(2, 8, 4), {{"tau", "0.5"}, {"balance_weight", "1"}});
  const Tensor weighted =
      mul_row(batch.scores(), Tensor::of({8}, {1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5}, test_backend()));
  CHECK_THAT(stated(all, "balance"), WithinAbs(0.75, 1e-6));
  CHECK_THAT(value_of(balance_loss(weighted, batch.choice(), 2, Counted::all, 1)),
             WithinAbs(0.75, 1e-6));
}

TEST_CASE("explain: capacities are those that route", "[moe]") {
  const auto capacity = [](const OptionValues& options, const std::string& when) {
    return sentence(sentences("token_choice", site_of(2, 64, 8), options), Topic::capacity, when);
  };
  // ⌈1.25 · 2 · 64 / 8⌉ = 20, ⌈2 · 2 · 64 / 8⌉ = 32
  CHECK(
      capacity({{"k", "2"}}, "training") ==
      "training: C = ⌈1.25 · 64 · 2 / 8⌉ = 20 rows per expert for the 64 tokens of a sequence; an "
      "even load is 16");
  CHECK(capacity({{"k", "2"}}, "evaluation").find("⌈2 · 64 · 2 / 8⌉ = 32") != std::string::npos);
  // ⌊0.3 · 64 / 8⌋ = 2, at least 4
  CHECK(capacity({{"k", "2"},
                  {"capacity_factor", "0.3"},
                  {"capacity_rounding", "floor"},
                  {"capacity_per_choice", "false"},
                  {"capacity_min", "4"}},
                 "training")
            .find("C = max(4, ⌊0.3 · 64 / 8⌋) = 4 ") != std::string::npos);
  // Batches of 2 in training, of 4 in evaluation: ⌈1 · 128 / 8⌉ = 16, ⌈1 · 256 / 8⌉ = 32.
  const OptionValues batch = {
      {"group", "batch"}, {"capacity_factor", "1"}, {"capacity_factor_eval", "1"}};
  CHECK(capacity(batch, "training").find("= 16 rows per expert for all 128") != std::string::npos);
  CHECK(capacity(batch, "evaluation").find("= 32 rows per expert for all 256") !=
        std::string::npos);
  // 2 · ⌊0.7 · ⌈60 / 8⌉⌋ = 10
  const Capacity tutel{.factor = 0.7, .rounding = Rounding::floor, .whole_share = true};
  CHECK(tutel.formula(60, 2, 8) == "2 · ⌊0.7 · ⌈60 / 8⌉⌋ = 10");
  const Capacity multiple{.factor = 1, .multiple = 4};
  CHECK(multiple.formula(60, 1, 8) == "(⌈1 · 60 · 1 / 8⌉ up to a multiple of 4) = 8");
  CHECK(Capacity{.factor = 100}.formula(60, 1, 8) == "min(60, ⌈100 · 60 · 1 / 8⌉) = 60");
  CHECK(capacity({{"capacity_factor", "0"}, {"capacity_factor_eval", "0"}}, "no limit") != "");
}

TEST_CASE("explain: every router has sentences about what tokens see, state and cost", "[moe]") {
  for (const std::string& name : Registry<Router>::names()) {
    if (name.starts_with("test_")) continue;  // of other test cases
    CAPTURE(name);
    const Sentences all = sentences(name, site_of(16, 64, 8));
    for (const Topic topic : {Topic::sees, Topic::state, Topic::cost})
      CHECK(sentence(all, topic, "") != "");
    // More than any router has: how it selects or weights.
    CHECK((sentence(all, Topic::selection, "") != "" || sentence(all, Topic::gate, "") != ""));
    for (const Explained& each : all) {
      CAPTURE(each.text);
      CHECK(each.text.find("{}") == std::string::npos);
      CHECK(each.text.find("  ") == std::string::npos);
      CHECK(!each.text.ends_with("."));
    }
  }
}

TEST_CASE("explain: a sentence that layers repeat is kept once", "[moe]") {
  Settings settings;
  const Options options(settings, "router.x");
  options.explain(Topic::gate, "g = 1");
  options.explain(Topic::gate, "g = 1");
  options.explain(Topic::scores, "g = 1");
  CHECK(settings.explained().size() == 2);
}

}  // namespace moesim::testing
