// Tests routers with one deliberate fault each: the certificate must find it, and report nothing
// else.
#include "tests/contract/cooked.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace testing;
using testing::Names;  // not that of sim/config/names.hpp

// Means of the rows of `groups` groups, one row per token again.
Tensor means(const Tensor& x, index groups) {
  std::vector<std::int32_t> row(static_cast<std::size_t>(x.rows()));
  for (std::size_t t = 0; t < row.size(); ++t)
    row[t] = static_cast<std::int32_t>(static_cast<index>(t) / (x.rows() / groups));
  return gather_rows(mean_rows(x, groups), Indices::of(row, x.backend()));
}

TEST_CASE("certificate: a router in order passes", "[contract][broken]") {
  const Certificate certificate = certify(Recipe{});
  CHECK(failures(certificate).empty());
  CHECK(certificate.verdict() == (kDouble ? Verdict::pass : Verdict::incomplete));
  CHECK(certificate.declared == "past");
  CHECK(certificate.probed == "past");
  CHECK(certificate.leak == 0);
  CHECK((certificate.gradient_error >= 0) == kDouble);
}

TEST_CASE("certificate: a wrong pull-back fails the gradient", "[contract][broken]") {
  const auto crooked = [](const Tensor& gates) {
    const Tensor y = Tensor::of(gates.shape(), gates.to_host(), gates.backend());
    record(y, {gates}, [=](const Tensor& dy) {
      const GradientSlot dx = gradient_slot(gates);
      gates.backend().scale(real(1.001), dy.data(), dx.p, dx.accumulate, gates.size());
    });
    return y;
  };
  CHECK(failures(certify({.gates = crooked})) == (kDouble ? Names{"gradient"} : Names{}));

  // A loss that no weight brings into the training loss is checked by itself.
  const auto loss = [=](Routing& routing, const Tensor& logits, const Tokens&) {
    routing.losses.push_back({"crooked", 0, sum(square(crooked(logits)))});
  };
  const Certificate certificate = certify({.after = loss});
  CHECK(failures(certificate) == (kDouble ? Names{"gradient"} : Names{}));
  if (kDouble) CHECK_THAT(certificate.item("gradient").value, testing::contains("crooked loss"));
}

TEST_CASE("certificate: an influence that is not declared fails what it sees",
          "[contract][broken]") {
  const auto sequence = [](const Tensor& x, const Tokens& tokens) {
    return add(x, means(x, tokens.batch()));
  };
  const auto batch = [](const Tensor& x, const Tokens&) { return add(x, means(x, 1)); };
  Certificate certificate = certify({.input = sequence});
  CHECK(failures(certificate) == Names{"sees"});
  CHECK(certificate.probed == "sequence");
  CHECK(certificate.leak > 1e-3);
  CHECK(failures(certify({.sees = {.later_tokens = true}, .input = sequence})).empty());
  CHECK(failures(certify({.sees = {.other_sequences = true}, .input = batch})) == Names{"sees"});
  CHECK(failures(certify({.sees = {.later_tokens = true}, .input = batch})) == Names{"sees"});
  CHECK(failures(certify({.sees = {.later_tokens = true, .other_sequences = true}, .input = batch}))
            .empty());

  SECTION("in evaluation only") {
    const auto evaluation = [=](const Tensor& x, const Tokens& tokens) {
      return tokens.context.training ? x : sequence(x, tokens);
    };
    certificate = certify({.input = evaluation});
    CHECK(failures(certificate) == Names{"sees"});
    CHECK_THAT(certificate.item("sees").value,
               testing::contains("past in training, sequence in evaluation"));
  }
  SECTION("far from the start only") {
    const auto far = [](const Tensor& x, const Tokens& tokens) {
      constexpr index kNear = 32;  // tokens before this position see no other
      std::vector<real> scale(static_cast<std::size_t>(x.rows()));
      for (std::size_t t = 0; t < scale.size(); ++t)
        scale[t] = static_cast<index>(t) % tokens.length() > kNear ? 1 : 0;
      return add(x,
                 mul_column(means(x, tokens.batch()), Tensor::of({x.rows()}, scale, x.backend())));
    };
    certificate = certify({.input = far});
    CHECK(failures(certificate) == Names{"sees"});
    CHECK(certificate.probed == "sequence");
  }
  SECTION("where a capacity overflows only") {
    // All tokens of a batch but one may choose the same expert first. If all do, the first token of
    // each sequence passes its experts by.
    const auto limited = [](Routing& routing, const Tensor& logits, const Tokens& tokens) {
      const std::vector<std::int32_t> choice = top_k(logits, 1).to_host();
      const bool overflows = std::all_of(choice.begin(), choice.end(),
                                         [&](std::int32_t e) { return e == choice.front(); });
      std::vector<real> bypass(choice.size(), 0);
      for (std::size_t t = 0; t < choice.size(); t += static_cast<std::size_t>(tokens.length()))
        bypass[t] = overflows ? 1 : 0;
      std::get<Assignment>(routing.plan).bypass =
          Tensor::of({tokens.x.rows()}, bypass, logits.backend());
    };
    certificate = certify({.sees = {.other_sequences = true}, .after = limited});
    CHECK(failures(certificate) == Names{"sees"});
    CHECK(certificate.probed == "batch, ahead");
  }
  SECTION("through token ids only") {
    const auto ids = [](const Tensor& x, const Tokens& tokens) {
      const std::vector<std::int32_t> id = tokens.ids.to_host();
      std::vector<real> last(id.size());
      for (std::size_t t = 0; t < id.size(); ++t) {
        const auto length = static_cast<std::size_t>(tokens.length());
        last[t] = static_cast<real>(id[t / length * length + length - 1]);
      }
      return add_column(x, Tensor::of({x.rows()}, last, x.backend()));
    };
    CHECK(failures(certify({.input = ids})) == Names{"sees"});
  }
}

TEST_CASE("certificate: a declaration that nothing bears out is a warning", "[contract][broken]") {
  const Certificate certificate =
      certify({.sees = {.later_tokens = true, .other_sequences = true}});
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("sees").verdict == Verdict::warn);
  CHECK(certificate.verdict() == (kDouble ? Verdict::warn : Verdict::incomplete));
}

TEST_CASE("certificate: a preference for an expert's number fails equivariance",
          "[contract][broken]") {
  const auto biased = [](const Tensor& logits) {
    return add_row(logits, Tensor::of({4}, {0, real(0.5), 1, real(1.5)}, logits.backend()));
  };
  CHECK(failures(certify({.logits = biased})) == Names{"equivariance"});
}

TEST_CASE("certificate: a dependence on threads fails threads", "[contract][broken]") {
  const auto threaded = [](const Tensor& logits) {
    return affine(logits, 1 + real(0.001) * static_cast<real>(logits.backend().threads()));
  };
  CHECK(failures(certify({.logits = threaded})) == Names{"threads"});
}

TEST_CASE("certificate: a router that the task cannot teach fails paths", "[contract][broken]") {
  const Certificate constant = certify({.k = 1});  // one gate divided by itself is 1
  CHECK(failures(constant) == Names{"paths"});
  CHECK_THAT(constant.item("paths").value,
             testing::contains("weight gets no gradient from the task loss") &&
                 testing::contains("top-1"));
  CHECK(failures(certify({.gates = stop_gradient, .surrogate = true})) == Names{"paths"});

  // A bare detach is wrong as well: the function that is differentiated is not the one computed.
  const auto cut = [](const Tensor& gates) { return gates.detach(); };
  CHECK(failures(certify({.gates = cut})) ==
        (kDouble ? Names{"gradient", "paths"} : Names{"paths"}));

  Subject switch_sum;
  switch_sum.router = "token_choice",
  switch_sum.settings = "normalise=sum allow_constant_gate=true";
  const Certificate real_one = moesim::certify(switch_sum);
  CHECK(failures(real_one) == Names{"paths"});
  CHECK_THAT(real_one.item("paths").value, testing::contains("only from auxiliary losses"));
}

TEST_CASE("certificate: a parameter that only an auxiliary loss reaches is a warning",
          "[contract][broken]") {
  const Certificate certificate = certify({.spare = true});
  CHECK(failures(certificate).empty());
  CHECK(certificate.item("paths").verdict == Verdict::warn);
  CHECK_THAT(certificate.item("paths").value, testing::contains("spare"));
}

TEST_CASE("certificate: values that are not finite, and sizes not provided for, fail the edges",
          "[contract][broken]") {
  const auto unit = [](const Tensor& x, const Tokens&) {
    return div_column(x, sqrt(sum_cols(square(x))));
  };
  const Certificate certificate = certify({.input = unit});
  CHECK(failures(certificate) == Names{"edges"});
  CHECK_THAT(certificate.item("edges").value, testing::contains("tokens of zeros"));

  const auto even = [](const Tensor& x, const Tokens& tokens) {
    if (tokens.batch() % 2 != 0) fail_in("cooked", "an odd number of sequences");
    return x;
  };
  const Certificate odd = certify({.input = even});
  CHECK(failures(odd) == Names{"edges"});
  CHECK_THAT(odd.item("edges").value, testing::contains("one sequence, training: cooked: an odd"));
}

TEST_CASE("certificate: what a router throws is the item's failure", "[contract][broken]") {
  const auto broken = [](const Tensor& x, const Tokens&) {
    fail_in("cooked", "burnt");
    return x;
  };
  const Certificate certificate = certify({.input = broken});
  CHECK(certificate.verdict() == Verdict::fail);
  CHECK_THAT(certificate.item("conservation").value, testing::contains("burnt"));
  CHECK(certificate.item("gradient").verdict == Verdict::incomplete);
}

}  // namespace
}  // namespace moesim
