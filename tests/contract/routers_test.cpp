// Certifies every registered router, under its defaults and its variants, with every registered
// expert. A new plug-in is tested here before its author writes a test.
#include "sim/certify/certificate.hpp"
#include "sim/moe/variants.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace moesim {
namespace {

using testing::kDouble;

Subject router_subject(const std::string& router, const std::string& settings, bool causal,
                       const std::string& expert) {
  Subject subject;
  subject.router = router, subject.settings = settings, subject.causal = causal;
  subject.expert = expert;
  return subject;
}

void check_clean(const Subject& subject) {
  const Certificate certificate = certify(subject);
  for (const Item& item : certificate.items) {
    INFO(subject.router << " {" << subject.settings << "} causal " << subject.causal << ", expert "
                        << subject.expert << " {" << subject.expert_settings << "}: " << item.name
                        << ": " << item.value);
    CHECK(item.verdict != Verdict::fail);
  }
  if (kDouble) {
    CHECK(certificate.verdict() != Verdict::incomplete);
    CHECK(certificate.gradient_error >= 0);
    CHECK(certificate.gradient_error <= 1e-6);
  }
}

std::vector<Variant> all_settings(const std::string& router) {
  std::vector<Variant> all{{"defaults", "", true}, {"not causal", "", false}};
  const std::vector<Variant>& variants = variants_of(router);
  all.insert(all.end(), variants.begin(), variants.end());
  return all;
}

// Every variant with one expert, which changes from variant to variant, and the defaults with every
// fourth expert, in float with all. What a variant can break shows in double, where derivatives are
// measured.
TEST_CASE("contract: every router keeps its promises under every variant and expert",
          "[contract]") {
  REQUIRE(Registry<Router>::names().size() >= 8);
  const std::vector<std::string> experts = Registry<Expert>::names();
  std::size_t turn = 0;
  for (const std::string& router : Registry<Router>::names()) {
    if (kDouble)
      for (const Variant& variant : all_settings(router))
        check_clean(router_subject(router, variant.settings, variant.causal,
                                   experts[turn++ % experts.size()]));
    for (std::size_t i = kDouble ? turn % 4 : 0; i < experts.size(); i += kDouble ? 4 : 1)
      check_clean(router_subject(router, "", true, experts[i]));
  }
}

// Minutes; before a release.
TEST_CASE("contract: every variant of every router with every expert", "[.product]") {
  for (const std::string& router : Registry<Router>::names())
    for (const std::string& expert : Registry<Expert>::names())
      for (const Variant& variant : all_settings(router))
        check_clean(router_subject(router, variant.settings, variant.causal, expert));
}

TEST_CASE("contract: every expert keeps its promises", "[contract]") {
  REQUIRE(Registry<Expert>::names().size() >= 3);
  for (const std::string& expert : Registry<Expert>::names())
    for (const index experts : {1, 2, 4, 7}) {
      Subject subject = router_subject("", "", true, expert);
      subject.given = {{"moe.experts", std::to_string(experts)}};
      check_clean(subject);
    }
  for (const char* settings : {"activation=relu", "activation=silu", "activation=relu_squared",
                               "bias=first", "bias=none"}) {
    Subject subject = router_subject("", "", true, "mlp");
    subject.expert_settings = settings;
    check_clean(subject);
  }
}

TEST_CASE("contract: every form of adapters keeps its promises", "[contract]") {
  for (const char* settings :
       {"base=linear", "dora=true", "base=linear dora=true rslora=true", "adapt_up=false rank=2"}) {
    Subject subject = router_subject("", "", true, "lora");
    subject.expert_settings = settings;
    check_clean(subject);
  }
}

TEST_CASE("contract: every form of the mlp expert has right derivatives under every kind of plan",
          "[contract]") {
  for (const char* router : {"dense", "token_choice", "soft", "smear"})
    for (const char* settings :
         {"activation=relu", "activation=silu", "bias=first", "bias=none activation=silu"}) {
      Subject subject = router_subject(router, "", true, "mlp");
      subject.expert_settings = settings;
      check_clean(subject);
    }
}

// The values that a router's variants and defaults give each of its options.
std::map<std::string, std::set<std::string>> tried(const std::string& router) {
  std::map<std::string, std::set<std::string>> values;
  for (const Variant& variant : all_settings(router)) {
    std::istringstream words(variant.settings);
    for (std::string word; words >> word;)
      values[word.substr(0, word.find('='))].insert(word.substr(word.find('=') + 1));
  }
  for (const bool causal : {true, false})
    for (const OptionInfo& option : options_of(router_subject(router, "", causal, "mlp")))
      values[option.key.substr(option.key.rfind('.') + 1)].insert(option.default_value);
  return values;
}

TEST_CASE("contract: variants try every option, and every value of a choice", "[contract]") {
  for (const std::string& router : Registry<Router>::names()) {
    if (variants_of(router).empty()) continue;  // certified with its defaults
    const std::map<std::string, std::set<std::string>> values = tried(router);
    for (const OptionInfo& option : options_of(router_subject(router, "", true, "mlp"))) {
      // Options of a router inside are another router's, and tried there.
      if (option.key.find('.', ("router." + router + ".").size()) != std::string::npos) continue;
      INFO(option.key << " is one of " << option.range);
      const std::set<std::string>& seen = values.at(option.key.substr(option.key.rfind('.') + 1));
      CHECK(seen.size() >= 2);
      if (option.type != "choice") continue;
      const auto bars = std::count(option.range.begin(), option.range.end(), '|');
      CHECK(static_cast<long>(seen.size()) == bars + 1);
    }
  }
}

TEST_CASE("certificate: settings that nobody reads or that a router rejects are errors",
          "[contract]") {
  CHECK_THROWS_WITH(certify(router_subject("soft", "slot=2", true, "mlp")),
                    testing::contains("router.soft.slot"));
  CHECK_THROWS_WITH(certify(router_subject("token_choice", "normalise=sum", true, "mlp")),
                    testing::contains("allow_constant_gate"));
  CHECK_THROWS_WITH(
      certify(router_subject("token_choice", "k=2 softmax=after normalise=l2", true, "mlp")),
      testing::contains("no effect"));
  CHECK_THROWS_WITH(certify(router_subject("soft", "slots", true, "mlp")),
                    testing::contains("key=value"));
  CHECK_THROWS_WITH(certify(router_subject("no_such_router", "", true, "mlp")),
                    testing::contains("no_such_router"));
}

TEST_CASE("certificate: what routers are known to see", "[contract]") {
  const auto probed = [](const char* router, const char* settings, bool causal) {
    return certify(router_subject(router, settings, causal, "affine")).probed;
  };
  CHECK(probed("token_choice", "", true) == "past");
  CHECK(probed("token_choice", "k=2 capacity_factor=0.5 fill=token", true) == "past");
  // Second choices give way to the first choices of later tokens.
  CHECK(probed("token_choice", "k=2 capacity_factor=0.5 fill=choice", true) == "sequence");
  // Also if a second choice is kept at random, and nearly all tokens have to choose one expert.
  CHECK(probed("token_choice",
               "k=2 fill=choice second=random second_eval=random capacity_factor=1.75 "
               "capacity_factor_eval=1.75",
               true) == "sequence");
  CHECK(probed("token_choice", "capacity_factor=0.5 fill=priority", true) == "sequence");
  CHECK(probed("token_choice", "capacity_factor=0.5 group=batch", true) == "batch");
  CHECK(probed("expert_choice", "", true) == "batch");
  CHECK(probed("expert_choice", "", false) == "sequence");
  CHECK(probed("soft", "", true) == "sequence");
  CHECK(probed("lory", "segment=1", true) == "past");
  CHECK(probed("hash", "", true) == "past");
}

}  // namespace
}  // namespace moesim
