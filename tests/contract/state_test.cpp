// Tests routers with state and one fault each, and traits that a router must declare.
#include "tests/contract/cooked.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace testing;
using testing::Names;  // not that of sim/config/names.hpp

constexpr real kNan = std::numeric_limits<real>::quiet_NaN();

// b[e] += 0.3 · sign(mean load - load[e]): the bias of auxiliary-loss-free balancing.
void balance(const Tensor& bias, const StepLoad& load) {
  const Tensor n = to_real(load.demand, {1, bias.size()}, 1);
  const Tensor mean = affine(sum_cols(n), 1 / static_cast<real>(bias.size()));
  assign(bias, add(bias, affine(sign(sub_column(n, mean)), real(-0.3)).reshape(bias.shape())));
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
  const auto started = [](const Tensor& own, const StepLoad&) {
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
  const auto third = [&steps](const Tensor& bias, const StepLoad&) {
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
    const auto grow = [scale](const Tensor&, const StepLoad&) { *scale += real(0.25); };
    const auto scaled = [scale](const Tensor& logits) { return affine(logits, *scale); };
    const Certificate certificate = certify({.logits = scaled, .biased = biased, .step = grow});
    CHECK(failures(certificate) == Names{"state"});
    CHECK_THAT(certificate.item("state").value, testing::contains("no buffer()"));
  }
}

TEST_CASE("certificate: an update from the last micro-batch alone fails state",
          "[contract][broken]") {
  // What route() saw last is not what the step did.
  auto last = std::make_shared<Indices>();
  const auto keep = [last](Routing& routing, const Tensor&, const Tokens& tokens) {
    if (tokens.context.training) *last = std::get<Assignment>(routing.plan).demand;
  };
  const auto partly = [last](const Tensor& bias, const StepLoad& load) {
    balance(bias, {.demand = *last, .tokens = load.tokens});
  };
  const Certificate certificate = certify({.after = keep, .biased = true, .step = partly});
  CHECK(failures(certificate) == Names{"state"});
  CHECK_THAT(certificate.item("state").value,
             testing::contains("order of the step's micro-batches"));
}

TEST_CASE("certificate: totals that the traits do not declare fail state", "[contract][broken]") {
  const auto total = [](Routing& routing, const Tensor& logits, const Tokens&) {
    routing.totals = {sum(logits)};
  };
  const Certificate certificate = certify({.after = total, .biased = true, .step = balance});
  CHECK(failures(certificate) == Names{"state"});
  CHECK_THAT(certificate.item("state").value, testing::contains("returns 1 totals"));
}

// Logits of the best group of two; `interleaved`: the groups are odd and even experts.
Recipe grouped(index declared, bool interleaved) {
  const auto best = [=](const Tensor& logits) {
    const index T = logits.rows(), E = logits.cols();
    std::vector<real> l = logits.to_host(), mask(l.size(), 0);
    for (index t = 0; t < T; ++t) {
      const auto group = [=](index e) { return interleaved ? e % 2 : e / (E / 2); };
      const auto row = l.begin() + t * E;
      const auto top = static_cast<index>(std::max_element(row, row + E) - row);
      for (index e = 0; e < E; ++e)
        if (group(e) != group(top)) mask[static_cast<std::size_t>(t * E + e)] = -100;
    }
    return add(logits, journaled(Tensor::of(logits.shape(), mask, logits.backend())));
  };
  return {.logits = best, .groups = declared};
}

TEST_CASE("certificate: groups of experts are renumbered as they are declared",
          "[contract][broken]") {
  CHECK(failures(certify(grouped(2, false))).empty());
  CHECK(failures(certify(grouped(1, false))) == Names{"equivariance"});
  const Certificate certificate = certify(grouped(2, true));
  CHECK(failures(certificate) == Names{"equivariance"});
  CHECK_THAT(certificate.item("equivariance").value, testing::contains("of 2 groups"));
  CHECK_THAT(certify({.groups = 3}).item("equivariance").value,
             testing::contains("no 3 groups of equal size"));
}

TEST_CASE("certificate: a surrogate must be declared, and be the one that is run",
          "[contract][broken]") {
  // Gates rounded to quarters, whose gradient passes straight through.
  const auto straight = [](const Tensor& gates, real slope) {
    std::vector<real> steps = gates.to_host();
    for (real& gate : steps) gate = std::round(4 * gate) / 4;
    const Tensor rounded = Tensor::of(gates.shape(), steps, gates.backend());
    const Tensor through = affine(gates, slope);
    return add(through, stop_gradient(sub(rounded, through.detach())));
  };
  const auto gates = [=](const Tensor& g) { return straight(g, 1); };
  CHECK(failures(certify({.gates = gates})) == (kDouble ? Names{"gradient"} : Names{}));
  const Certificate declared = certify({.gates = gates, .surrogate = true});
  CHECK(failures(declared).empty());
  if (kDouble) CHECK_THAT(declared.item("gradient").value, testing::contains("declared surrogate"));
  const auto crooked = [](const Tensor& g) {
    const Tensor y = Tensor::of(g.shape(), g.to_host(), g.backend());
    record(y, {g}, [=](const Tensor& dy) {
      const GradientSlot dx = gradient_slot(g);
      g.backend().scale(real(1.5), dy.data(), dx.p, dx.accumulate, g.size());
    });
    return y;
  };
  CHECK(failures(certify({.gates = crooked, .surrogate = true})) ==
        (kDouble ? Names{"gradient"} : Names{}));
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
  const auto broken = [](const Tensor&, const StepLoad&) { fail_in("cooked", "no step"); };
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
  // Held fixed, a stopped value agrees with its gradient: only a router that declares it may do so.
  CHECK(failures(certify({.weight = stop_gradient})) ==
        (kDouble ? Names{"gradient", "paths"} : Names{"paths"}));
  CHECK(failures(certify({.weight = stop_gradient, .surrogate = true})) == Names{"paths"});
}

}  // namespace
}  // namespace moesim
