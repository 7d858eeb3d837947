// Tests experts with one deliberate fault each: the certificate must find it, and report nothing
// else.
#include "sim/certify/certificate.hpp"
#include "sim/ops/ops.hpp"
#include "tests/contract/cooked.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace testing;
using testing::Names;  // not that of sim/config/names.hpp

// tanh(x W) V, which is in order; each hook spoils one thing.
struct Dish {
  std::function<Tensor(const Tensor& x)> input = {};
  std::function<Tensor(const Tensor& y, const Rows&)> output = {};
  std::function<Tensor(const Tensor& w, const Rows&)> weight = {};  // of the first layer
  bool stacked = true;  // is the gain, if there is one, [E, D]?
  bool gained = false;  // a gain
  bool idle = false;    // a parameter that changes nothing
  double flops = 4;     // per width and hidden unit
  index fewest = 1;     // experts
  bool state = false;   // a buffer
  Init start = Init::constant(1);
  bool counts = false;  // apply() counts in the buffer
};

class CookedExpert : public Expert {
 public:
  CookedExpert(const ExpertSite& site, Dish dish)
      : Expert(site), size_(static_cast<double>(site.width * site.hidden)), dish_(std::move(dish)) {
    const index E = site.experts;
    if (E < dish_.fewest) fail(Exit::usage, "cooked expert: too few experts");
    w_ = parameter("w", {E, site.width, site.hidden}, Init::normal(0.02));
    v_ = parameter("v", {E, site.hidden, site.width}, Init::normal(0.02));
    if (dish_.gained)
      gain_ = dish_.stacked ? parameter("gain", {E, site.width}, Init::constant(1))
                            : parameter("gain", {site.width}, Init::constant(1));
    if (dish_.idle) idle_ = parameter("idle", {E, 2}, Init::constant(1));
    if (dish_.state) state_ = buffer("state", {E}, dish_.start);
  }
  Tensor forward(const Rows& rows) const override {
    if (dish_.counts) {
      std::vector<real> values = state_.to_host();
      values.front() += 1;
      state_.from_host(values);
    }
    const Tensor w = dish_.weight ? dish_.weight(w_, rows) : w_;
    const Tensor x = dish_.input ? dish_.input(rows.x) : rows.x;
    const Tensor hidden = tanh(grouped_linear(rows.with(x), w, {}));
    const Tensor y = grouped_linear(rows.with(hidden), v_, {});
    return dish_.output ? dish_.output(y, rows) : y;
  }
  double flops_per_row() const override { return dish_.flops * size_; }

 private:
  double size_;
  Dish dish_;
  Tensor w_, v_, gain_, idle_, state_;
};

Certificate served(const Dish& dish) {
  Subject subject;
  subject.expert = "cooked";
  subject.make_expert = [dish](const ExpertSite& site, Options&) {
    return std::make_unique<CookedExpert>(site, dish);
  };
  return moesim::certify(subject);
}

TEST_CASE("certificate: an expert in order passes", "[contract][broken]") {
  const Certificate certificate = served(Dish{});
  CHECK(failures(certificate).empty());
  CHECK(certificate.verdict() == (kDouble ? Verdict::pass : Verdict::incomplete));
  CHECK(certificate.item("gradient").verdict == (kDouble ? Verdict::pass : Verdict::incomplete));
  CHECK((certificate.gradient_error >= 0) == kDouble);
  CHECK(certificate.item("state").verdict == Verdict::none);
  CHECK(failures(served({.state = true})).empty());
}

TEST_CASE("certificate: an expert's wrong pull-back fails the gradient", "[contract][broken]") {
  const auto crooked = [](const Tensor& y, const Rows&) {
    const Tensor z = Tensor::of(y.shape(), y.to_host(), y.backend());
    record(z, {y}, [=](const Tensor& dz) {
      const GradientSlot dy = gradient_slot(y);
      y.backend().scale(real(1.001), dz.data(), dy.p, dy.accumulate, y.size());
    });
    return z;
  };
  CHECK(failures(served({.output = crooked})) == (kDouble ? Names{"gradient"} : Names{}));
  const auto merged = [=](const Tensor& y, const Rows& rows) {
    return rows.merge ? crooked(y, rows) : y;
  };
  const Certificate certificate = served({.output = merged});
  CHECK(failures(certificate) == (kDouble ? Names{"gradient"} : Names{}));
  if (kDouble) CHECK_THAT(certificate.item("gradient").value, testing::contains("merged weights"));
}

TEST_CASE("certificate: an expert's detached weights fail paths", "[contract][broken]") {
  const auto stopped = [](const Tensor& w, const Rows&) { return stop_gradient(w); };
  Certificate certificate = served({.weight = stopped});
  CHECK(failures(certificate) == Names{"paths"});
  CHECK_THAT(certificate.item("paths").value, testing::contains("w[0], w[1], w[2], w[3]"));
  const auto detached = [](const Tensor& w, const Rows&) { return w.detach(); };
  CHECK(failures(served({.weight = detached})) ==
        (kDouble ? Names{"gradient", "paths"} : Names{"paths"}));
  CHECK(failures(served({.input = stop_gradient})) == Names{"paths"});

  certificate = served({.idle = true});
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("paths").verdict == Verdict::warn);
  CHECK_THAT(certificate.item("paths").value, testing::contains("idle"));
}

TEST_CASE("certificate: rows that meet fail rows", "[contract][broken]") {
  const auto means = [](const Tensor& x) {
    if (x.rows() == 0) return x;
    const std::vector<std::int32_t> first(static_cast<std::size_t>(x.rows()), 0);
    return add(x, gather_rows(mean_rows(x, 1), Indices::of(first, x.backend())));
  };
  CHECK(failures(served({.input = means})) == Names{"rows"});
  // By its place among the rows.
  const auto places = [](const Tensor& x) {
    std::vector<real> place(static_cast<std::size_t>(x.rows()));
    for (std::size_t i = 0; i < place.size(); ++i) place[i] = static_cast<real>(i % 3);
    return add_column(x, Tensor::of({x.rows()}, place, x.backend()));
  };
  CHECK(failures(served({.input = places})) == Names{"rows"});
}

TEST_CASE("certificate: weights of other experts fail experts", "[contract][broken]") {
  // W_e + 0.1 (W_{e-1} - W_e), where weights are not merged.
  const auto leaky = [](const Tensor& w, const Rows& rows) {
    if (rows.merge) return w;
    const index E = w.dim(0);
    std::vector<std::int32_t> before(static_cast<std::size_t>(E));
    for (std::size_t e = 0; e < before.size(); ++e)
      before[e] = static_cast<std::int32_t>((e + before.size() - 1) % before.size());
    const Tensor flat = w.reshape({E, w.size() / E});
    const Tensor others = gather_rows(flat, Indices::of(before, w.backend()));
    return add(affine(flat, real(0.9)), affine(others, real(0.1))).reshape(w.shape());
  };
  const Certificate certificate = served({.weight = leaky});
  CHECK(failures(certificate) == Names{"experts"});
  CHECK_THAT(certificate.item("experts").value, testing::contains("weights of others"));

  // By how many experts there are.
  const auto by_number = [](const Tensor& w, const Rows&) {
    return affine(w, w.dim(0) == 1 ? real(1.1) : real(1));
  };
  const Names found = failures(served({.weight = by_number}));
  CHECK(found == Names{"experts", "merged"});
}

TEST_CASE("certificate: a wrong merge fails merged, and one that is refused is a warning",
          "[contract][broken]") {
  const auto scaled = [](const Tensor& y, const Rows& rows) {
    return rows.merge ? affine(y, real(1.01)) : y;
  };
  CHECK(failures(served({.output = scaled})) == Names{"merged"});
  const auto refused = [](const Tensor& y, const Rows& rows) {
    if (rows.merge) fail_in("cooked", "merges nothing");
    return y;
  };
  const Certificate certificate = served({.output = refused});
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("merged").verdict == Verdict::warn);
  CHECK_THAT(certificate.item("merged").value, testing::contains("merges nothing"));
}

TEST_CASE("certificate: a cost that the products deny fails cost", "[contract][broken]") {
  for (const double flops : {2.0, 0.0, -4.0, 6.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK(failures(served({.flops = flops})) == Names{"cost"});
  CHECK(failures(served({.flops = 4.4})).empty());  // with activations
}

TEST_CASE("certificate: an expert that depends on threads fails threads", "[contract][broken]") {
  const auto threaded = [](const Tensor& x) {
    const auto& cpu = dynamic_cast<const Backend&>(x.backend());
    return affine(x, 1 + real(0.001) * static_cast<real>(cpu.threads()));
  };
  CHECK(failures(served({.input = threaded})) == Names{"threads"});
}

TEST_CASE("certificate: an expert that is not finite everywhere fails edges",
          "[contract][broken]") {
  const auto unit = [](const Tensor& x) { return div_column(x, sqrt(sum_cols(square(x)))); };
  const Certificate certificate = served({.input = unit});
  CHECK(failures(certificate) == Names{"edges"});
  CHECK_THAT(certificate.item("edges").value, testing::contains("rows of zeros"));
}

TEST_CASE("certificate: parameters that are not stacked fail stack", "[contract][broken]") {
  Certificate certificate = served({.stacked = false, .gained = true});
  CHECK(failures(certificate) == Names{"stack"});
  CHECK(certificate.item("rows").verdict == Verdict::incomplete);
  certificate = served({.stacked = false, .gained = true});
  CHECK(failures(certificate) == Names{"stack"});
  CHECK_THAT(certificate.item("stack").value, testing::contains("gain has the shape"));
  certificate = served({.fewest = 2});
  CHECK(failures(certificate) == Names{"stack"});
  CHECK_THAT(certificate.item("stack").value, testing::contains("too few experts"));
}

TEST_CASE("certificate: an expert's state that is not finite, or that a pass changes, fails state",
          "[contract][broken]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(failures(served({.state = true, .start = Init::constant(nan)})) == Names{"state"});
  const Certificate certificate = served({.state = true, .counts = true});
  CHECK(failures(certificate) == Names{"state"});
  CHECK(certificate.item("state").value == "apply() changes state");
}

}  // namespace
}  // namespace moesim
