// Routers with state, one mistake each, and certificates that must not pass because something was
// not measured.
#include "tests/contract/cooked.hpp"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace testing;

constexpr real kNan = std::numeric_limits<real>::quiet_NaN();

// b[e] += 0.3 · sign(mean load - load[e]): the bias of auxiliary-loss-free balancing.
void balance(const Tensor& bias, const Routing& routing) {
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
  std::vector<real> values = bias.to_host();
  const auto mean = static_cast<real>(offset.back()) / static_cast<real>(values.size());
  for (std::size_t e = 0; e < values.size(); ++e) {
    const auto load = static_cast<real>(offset[e + 1] - offset[e]);
    values[e] += load < mean ? real(0.3) : load > mean ? real(-0.3) : real(0);
  }
  bias.from_host(values);
}

std::vector<Verdict> verdicts(const Certificate& certificate, const std::vector<const char*>& of) {
  std::vector<Verdict> all;
  for (const char* name : of) all.push_back(certificate.item(name).verdict);
  return all;
}

TEST_CASE("certificate: a router with a balancing bias passes every item", "[contract][broken]") {
  const Certificate certificate = certify({.biased = true, .step = balance});
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("state").verdict == Verdict::pass);
  CHECK(certificate.item("equivariance").verdict == Verdict::pass);
  CHECK(certificate.verdict() == (kDouble ? Verdict::pass : Verdict::incomplete));
  CHECK(certify(Recipe{}).item("state").verdict == Verdict::none);
  CHECK(certify({.biased = true, .start = Init::normal(1)}).item("state").verdict == Verdict::pass);
}

TEST_CASE("certificate: the checks meet the state that training leads to", "[contract][broken]") {
  // After the first step, and not before, experts are preferred by their number.
  bool trained = false;
  const auto look = [&trained](const Tensor& own, const Tokens&) {
    trained = own.to_host().front() > 0;
  };
  const auto started = [](const Tensor& own, const Routing&) {
    own.from_host(std::vector<real>(static_cast<std::size_t>(own.size()), 1));
  };
  const auto prefer = [&trained](const Tensor& logits) {
    if (!trained) return logits;
    return add_row(logits, Tensor::of({4}, {0, real(0.5), 1, real(1.5)}, logits.backend()));
  };
  CHECK(failures(certify({.logits = prefer, .biased = true, .state = look, .step = started})) ==
        Names{"equivariance"});
}

TEST_CASE("certificate: state that is not finite fails state", "[contract][broken]") {
  Certificate certificate = certify({.biased = true, .start = Init::constant(double(kNan))});
  CHECK(failures(certificate) == Names{"state"});
  CHECK(certificate.item("state").value == "bias is not finite at the start");
  CHECK(verdicts(certificate, {"conservation", "gradient", "edges"}) ==
        std::vector<Verdict>(3, Verdict::incomplete));
  CHECK(certificate.item("gradient").value == "not run: state fails");
  CHECK(certificate.verdict() == Verdict::fail);

  int steps = 0;
  const auto third = [&steps](const Tensor& bias, const Routing&) {
    if (++steps == 3)
      bias.from_host(std::vector<real>(static_cast<std::size_t>(bias.size()), kNan));
  };
  certificate = certify({.biased = true, .step = third});
  CHECK(failures(certificate) == Names{"state"});
  CHECK(certificate.item("state").value == "bias is not finite after 3 steps of training");
}

TEST_CASE("certificate: a pass that changes state fails state", "[contract][broken]") {
  for (const bool training : {true, false}) {
    const auto count = [training](const Tensor& bias, const Tokens& tokens) {
      if (tokens.context.training != training) return;
      std::vector<real> values = bias.to_host();
      values.front() += real(0.5);
      bias.from_host(values);
    };
    const Certificate certificate = certify({.biased = true, .state = count});
    CHECK(failures(certificate) == Names{"state"});
    CHECK_THAT(certificate.item("state").value,
               testing::contains(training ? "route() changes bias in training"
                                          : "route() changes bias in evaluation"));
  }
}

TEST_CASE("certificate: state outside of buffers fails state", "[contract][broken]") {
  for (const bool biased : {true, false}) {
    auto scale = std::make_shared<real>(1);
    const auto grow = [scale](const Tensor&, const Routing&) { *scale += real(0.25); };
    const auto scaled = [scale](const Tensor& logits) { return affine(logits, *scale); };
    const Certificate certificate = certify({.logits = scaled, .biased = biased, .step = grow});
    CHECK(failures(certificate) == Names{"state"});
    CHECK_THAT(certificate.item("state").value, testing::contains("no buffer()"));
  }
}

TEST_CASE("certificate: a router that never repeats itself fails state", "[contract][broken]") {
  auto passes = std::make_shared<int>(0);
  const auto count = [passes](const Tensor& logits) {
    return affine(logits, 1 + real(0.01) * static_cast<real>(++*passes));
  };
  const Certificate certificate = certify({.logits = count});
  CHECK(failures(certificate) == Names{"state"});
  CHECK(certificate.item("state").value == "the same pass gives another routing each time");
}

TEST_CASE("certificate: what after_step throws fails state", "[contract][broken]") {
  const auto broken = [](const Tensor&, const Routing&) { fail_in("cooked", "no step"); };
  for (const bool biased : {true, false}) {
    const Certificate certificate = certify({.biased = biased, .step = broken});
    CHECK(failures(certificate) == Names{"state"});
    CHECK_THAT(certificate.item("state").value, testing::contains("no step"));
  }
}

TEST_CASE("certificate: a detached parameter fails paths, and in double the gradient",
          "[contract][broken]") {
  const auto detached = [](const Tensor& weight) { return weight.detach(); };
  const Certificate certificate = certify({.weight = detached});
  CHECK(failures(certificate) == (kDouble ? Names{"gradient", "paths"} : Names{"paths"}));
  CHECK_THAT(certificate.item("paths").value, testing::contains("weight gets no gradient"));
  CHECK(failures(certify({.weight = stop_gradient})) == Names{"paths"});
}

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
      return {.plan = assign(choice, choice, 1, E_, gates), .scores = {}, .losses = {}};
    }

   private:
    index E_;
  };
  class Bare : public Router {
   public:
    explicit Bare(const Site& site) : site_(site) {}
    Routing route(const Tokens& tokens) override { return Fixed(site_).route(tokens); }
    Sees sees() const override { return Sees::past; }
    index experts() const override { return site_.experts; }
    Cost cost() const override { return {}; }

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
      slope_ = parameter("slope", {site.width}, Init::normal(1));
    }
    Routing route(const Tokens& tokens) override {
      const index T = tokens.x.rows();
      std::vector<std::int32_t> own(static_cast<std::size_t>(T));
      for (std::size_t t = 0; t < own.size(); ++t)
        own[t] = static_cast<std::int32_t>(static_cast<index>(t) % tokens.length % E_);
      const Indices choice = Indices::of(own, tokens.x.backend());
      const Tensor gates = sigmoid(sum_cols(mul_row(tokens.x, slope_))).reshape({T, 1});
      return {.plan = assign(choice, choice, 1, E_, gates), .scores = {}, .losses = {}};
    }
    Sees sees() const override { return Sees::past; }
    index experts() const override { return E_; }
    Cost cost() const override { return {}; }

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
