// Tests that the example router of sim/moe/policies/README.md passes its certificate.
#include "sim/certify/certificate.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/places.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace moesim {
namespace {

class Capped : public Router {
 public:
  Capped(const Site& site, Options& options)
      : k_(options.integer("k", 2, {1, site.experts}, "experts per token")),
        gates_(options, k_),          // reads softmax, normalise, ..., normalise_over
        places_(options, site, k_) {  // reads capacity_factor, ..., fill, dropped
    gates_.reject_constant(options);  // reads allow_constant_gate
    weight_ = parameter("weight", {site.width, site.experts}, Init::normal(0.02));
    traits_ = {.experts = site.experts,
               .sees = places_.sees(),
               .cost = {.rows_per_token = static_cast<double>(k_)}};
  }
  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_), scores = softmax(logits);  // [T, E]
    const Indices choice = top_k(logits, k_);                                   // [T·k]
    const Tensor gates = gates_.of(logits, scores, choice);                     // [T, k]
    const Indices kept = places_.keep(choice, gates, scores, logits, tokens);   // [T·k]
    return {.plan = places_.plan(choice, kept, gates_.over_kept(gates, kept), tokens),
            .scores = scores};
  }
  double expert_rows(index tokens) const override { return places_.expert_rows(tokens); }

 private:
  index k_;
  Gates gates_;
  Places places_;
  Tensor weight_;
};

std::string text_of(const std::string& file) {
  std::ifstream in(std::string(MOESIM_SOURCE_DIR) + "/" + file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_CASE("policies: the README's router is certified", "[moe][policies]") {
  for (const char* settings : {"", "k=3 fill=priority capacity_factor=0.5 dropped=input"}) {
    Subject subject;
    subject.router = "capped", subject.settings = settings;
    subject.make = [](const Site& site, Options& options) {
      return std::make_unique<Capped>(site, options);
    };
    for (const Item& item : certify(subject).items) {
      INFO(settings << " " << item.name << ": " << item.value);
      CHECK(item.verdict != Verdict::fail);
    }
  }
}

TEST_CASE("policies: the README's router is this one", "[moe][policies]") {
  const std::string readme = text_of("sim/moe/policies/README.md"), opening = "```cpp\n";
  const std::size_t begin = readme.find(opening);
  REQUIRE(begin != std::string::npos);
  const std::size_t from = begin + opening.size(), to = readme.find("```", from);
  const std::string example = readme.substr(from, to - from);
  CHECK(example.find("class Capped") == 0);
  CHECK(text_of("tests/moe/policies/example_test.cpp").find(example) != std::string::npos);
}

}  // namespace
}  // namespace moesim
