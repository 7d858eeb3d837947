// Tests certificates of which an item was not measured, could not be tried, or is measured at other sizes: none
// of them passes by that.
#include "tests/contract/cooked.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace testing;

TEST_CASE("certificate: a derivative that cannot be taken is no pass", "[contract][broken]") {
  const auto closed = [](const Tensor& gates) {
    const Tensor y = Tensor::of(gates.shape(), gates.to_host(), gates.backend());
    record(y, {gates}, [](const Tensor&) { fail_in("cooked", "has no derivative"); });
    return y;
  };
  const Certificate certificate = certify({.gates = closed});
  CHECK(certificate.verdict() == Verdict::fail);
  CHECK_THAT(certificate.item("paths").value, testing::contains("has no derivative"));
  if (kDouble) {
    CHECK(certificate.item("gradient").verdict == Verdict::fail);
    CHECK_THAT(certificate.item("gradient").value, testing::contains("has no derivative"));
  } else {
    CHECK(certificate.item("gradient").verdict == Verdict::incomplete);
  }
}

TEST_CASE("certificate: a derivative that was not measured is no pass", "[contract][broken]") {
  const Certificate measured = certify(Recipe{});
  CHECK(measured.item("gradient").verdict == (kDouble ? Verdict::pass : Verdict::incomplete));
  CHECK(measured.verdict() == (kDouble ? Verdict::pass : Verdict::incomplete));

  // A fixed table has no parameters and nothing to differentiate: there it does not apply.
  Subject hash;
  hash.router = "hash";
  const Certificate table = moesim::certify(hash);
  CHECK(table.item("gradient").verdict == (kDouble ? Verdict::pass : Verdict::none));
  CHECK(table.item("paths").verdict == Verdict::none);
  CHECK(table.verdict() == Verdict::pass);

  // Without parameters, but with gates that are made of the tokens: there it does.
  class Fixed : public Cooked {
   public:
    explicit Fixed(const Site& site) : Cooked(site, {}), E_(site.experts) {}
    Routing route(const Tokens& tokens) override {
      const index T = tokens.x.rows();
      std::vector<std::int32_t> first(static_cast<std::size_t>(T), 0);
      const Indices choice = Indices::of(first, tokens.x.backend());
      const Tensor gates = sigmoid(sum_cols(tokens.x)).reshape({T, 1});
      return {.plan = assign(choice, choice, 1, E_, gates)};
    }

   private:
    index E_;
  };
  class Bare : public Router {
   public:
    explicit Bare(const Site& site) : site_(site) { traits_.experts = site.experts; }
    Routing route(const Tokens& tokens) override { return Fixed(site_).route(tokens); }

   private:
    Site site_;
  };
  Subject bare;
  bare.router = "bare";
  bare.make = [](const Site& site, Options&) { return std::make_unique<Bare>(site); };
  CHECK(moesim::certify(bare).item("gradient").verdict ==
        (kDouble ? Verdict::pass : Verdict::incomplete));
}

Subject on_sites(const Recipe& recipe, const std::function<bool(const Site&)>& suits) {
  Subject subject = subject_of(recipe);
  subject.make = [=](const Site& site, Options&) {
    if (!suits(site)) fail(Exit::usage, "cooked: the site does not suit");
    return std::make_unique<Cooked>(site, recipe);
  };
  return subject;
}

TEST_CASE("certificate: a router that rejects the usual sizes is certified on others",
          "[contract][broken]") {
  for (const auto& suits : std::vector<std::function<bool(const Site&)>>{
           [](const Site& site) { return site.width % 8 == 0; },
           [](const Site& site) { return site.experts >= 16; },
           [](const Site& site) { return site.length % 16 == 0; }}) {
    const Certificate certificate = moesim::certify(on_sites({}, suits));
    CHECK(failures(certificate).empty());
    CHECK(certificate.item("threads").verdict == Verdict::pass);
  }
  CHECK_THROWS_WITH(moesim::certify(on_sites({}, [](const Site&) { return false; })),
                    testing::contains("does not suit"));
}

TEST_CASE("certificate: what could not be tried is a warning, not a pass", "[contract][broken]") {
  const Certificate small =
      moesim::certify(on_sites({}, [](const Site& site) { return site.width < 32; }));
  CHECK(small.item("threads").verdict == Verdict::warn);

  // Its one parameter has no axis of experts.
  class Tempered : public Router {
   public:
    explicit Tempered(const Site& site) : E_(site.experts) {
      traits_.experts = E_;
      slope_ = parameter("slope", {site.width}, Init::normal(1));
    }
    Routing route(const Tokens& tokens) override {
      const index T = tokens.x.rows();
      std::vector<std::int32_t> own(static_cast<std::size_t>(T));
      for (std::size_t t = 0; t < own.size(); ++t)
        own[t] = static_cast<std::int32_t>(static_cast<index>(t) % tokens.length() % E_);
      const Indices choice = Indices::of(own, tokens.x.backend());
      const Tensor gates = sigmoid(sum_cols(mul_row(tokens.x, slope_))).reshape({T, 1});
      return {.plan = assign(choice, choice, 1, E_, gates)};
    }

   private:
    index E_;
    Tensor slope_;
  };
  Subject tempered;
  tempered.router = "tempered";
  tempered.make = [](const Site& site, Options&) { return std::make_unique<Tempered>(site); };
  const Certificate certificate = moesim::certify(tempered);
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("equivariance").verdict == Verdict::warn);
}

TEST_CASE("certificate: settings of the command line reach router, expert and site", "[contract]") {
  index width = 0, experts = 0, length = 0, batch = 0;
  bool causal = true;
  Subject subject = subject_of({});
  subject.make = [&](const Site& site, Options&) {
    width = site.width, experts = site.experts, length = site.length, batch = site.batch;
    causal = site.causal;
    return std::make_unique<Cooked>(site, Recipe{});
  };
  subject.expert = "swiglu";
  subject.given = {{"model.width", "12"}, {"moe.experts", "5"},       {"data.length", "7"},
                   {"train.batch", "3"},  {"task.name", "masked_lm"}, {"expert.name", "swiglu"},
                   {"expert.hidden", "3"}};
  CHECK(options_of(subject).empty());
  CHECK(std::vector<index>{width, experts, length, batch} == std::vector<index>{12, 5, 7, 3});
  CHECK_FALSE(causal);
  CHECK(failures(moesim::certify(subject)).empty());

  const auto rejected = [&](const char* key, const char* value) {
    Subject other = subject_of({});
    other.given = {{key, value}};
    std::string message;
    try {
      options_of(other);
    } catch (const Error& error) {
      CHECK(error.code() == Exit::usage);
      message = error.what();
    }
    return message;
  };
  CHECK_THAT(rejected("train.rate", "0.1"), testing::contains("command line: train.rate = 0.1"));
  CHECK_THAT(rejected("moe.expert", "8"), testing::contains("did you mean moe.experts?"));
  CHECK_THAT(rejected("moe.experts", "0"), testing::contains("command line: moe.experts = 0"));
  CHECK_THAT(rejected("router.cooked.k", "2"), testing::contains("router.cooked.k"));
  CHECK_THAT(rejected("router.other.k", "2"), testing::contains("unknown section"));
}

}  // namespace
}  // namespace moesim
