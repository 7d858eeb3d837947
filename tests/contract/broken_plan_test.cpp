// Tests that the certificate rejects inconsistent plans and runs nothing on them.
#include "tests/contract/cooked.hpp"

#include <functional>
#include <vector>

namespace moesim {
namespace {

using namespace testing;
using testing::Names;  // not that of sim/config/names.hpp

TEST_CASE("certificate: an assignment that does not add up fails conservation",
          "[contract][broken]") {
  using Spoil = std::function<void(Assignment&, const Tokens&)>;
  const auto spoiled = [](const Spoil& spoil) {
    return failures(certify({.after = [=](Routing& routing, const Tensor&, const Tokens& tokens) {
      spoil(std::get<Assignment>(routing.plan), tokens);
    }}));
  };
  const auto each = [](const Indices& old, const std::function<std::int32_t(std::size_t)>& value) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(old.size()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(i);
    return Indices::of(values, old.backend());
  };
  CHECK(spoiled([&](Assignment& plan, const Tokens&) {  // serves more than the demand
          plan.demand = each(plan.demand, [](std::size_t) { return 0; });
        }) == Names{"conservation"});
  CHECK(spoiled([&](Assignment& plan, const Tokens&) {  // demand exceeds the number of tokens
          plan.demand = each(plan.demand, [](std::size_t) { return 1000; });
        }) == Names{"conservation"});
  CHECK(spoiled([&](Assignment& plan, const Tokens& tokens) {  // no such token
          const auto T = static_cast<std::int32_t>(tokens.x.rows());
          plan.token = each(plan.token, [=](std::size_t) { return T; });
        }) == Names{"conservation"});
  CHECK(spoiled([&](Assignment& plan, const Tokens&) {  // one token, again and again
          plan.token = each(plan.token, [](std::size_t) { return 0; });
        }) == Names{"conservation"});
  CHECK(spoiled([&](Assignment& plan, const Tokens&) {  // falling offsets
          const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
          plan.experts.offset = each(plan.experts.offset, [&](std::size_t e) {
            return e == 1 ? offset.back() + 1 : offset[e];
          });
        }) == Names{"conservation"});
  CHECK(spoiled([&](Assignment& plan, const Tokens&) {  // a gate too few
          plan.gate = Tensor::full({plan.gate.size() - 1}, 1, plan.gate.backend());
        }) == Names{"conservation"});
}

TEST_CASE("certificate: a metric that cannot be recorded fails conservation",
          "[contract][broken]") {
  const auto named = [](const std::string& name, index size) {
    return certify({.after = [=](Routing& routing, const Tensor& logits, const Tokens&) {
      routing.metrics.push_back({name, Tensor::full({size}, 1, logits.backend())});
    }});
  };
  CHECK(failures(named("sparsity", 1)).empty());
  CHECK(failures(named("sparsity", 2)) == Names{"conservation"});
  CHECK(failures(named("entropy", 1)) == Names{"conservation"});  // router_entropy is a statistic
  CHECK(failures(named("a b", 1)) == Names{"conservation"});
}

TEST_CASE("certificate: weights that do not add up fail conservation", "[contract][broken]") {
  const auto merging = [](real total) {
    return failures(
        certify({.after = [=](Routing& routing, const Tensor& logits, const Tokens& tokens) {
          const index T = tokens.x.rows();
          routing.plan =
              Merging{affine(softmax(logits), total), equal_segments(T, 1, tokens.x.backend())};
        }}));
  };
  CHECK(merging(1).empty());
  CHECK(merging(real(0.9)) == Names{"conservation"});

  const auto mixing = [](real shift, std::int32_t first) {
    return certify(
        {.sees = {.later_tokens = true},
         .after = [=](Routing& routing, const Tensor& logits, const Tokens& tokens) {
           const index B = tokens.batch(), S = tokens.length(), E = logits.cols();
           const Tensor weights =
               affine(softmax(logits, Along{B, S, E}), 1, shift).reshape({B, S, E});
           std::vector<std::int32_t> order(static_cast<std::size_t>(B * S));
           for (std::size_t i = 0; i < order.size(); ++i)
             order[i] = i == 0 ? first : static_cast<std::int32_t>(i);
           routing.plan = Mixing{weights, weights, 1, Indices::of(order, logits.backend())};
         }});
  };
  CHECK(failures(mixing(0, 0)).empty());
  CHECK(failures(mixing(real(-0.5), 0)) == Names{"conservation"});
  CHECK(failures(mixing(0, 1)) == Names{"conservation"});  // token 1 twice, token 0 nowhere
  CHECK(mixing(real(0.5), 0).item("conservation").verdict == Verdict::warn);
}

}  // namespace
}  // namespace moesim
