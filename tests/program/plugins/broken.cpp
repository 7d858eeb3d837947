// Plug-ins for tests/program/check.sh: routers and experts on which `moesim check` itself fails, and
// a name that a router and an expert share.
#include "sim/moe/choose.hpp"
#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <stdexcept>

namespace moesim {
namespace {

// Top-1 by logits plus a bias, which steps push towards balance. `forgotten`: the bias is a module
// that nobody named by child(), so that it never gets memory.
class Biased : public Router {
 public:
  Biased(const Site& site, Options&, bool forgotten) : E_(site.experts) {
    traits_.experts = E_;
    weight_ = parameter("weight", {site.width, E_}, Init::normal(0.02));
    bias_ = forgotten ? Tensor::deferred({E_}) : buffer("bias", {E_}, Init::constant(0));
  }
  Routing route(const Tokens& tokens) override {
    const Tensor logits = matmul(tokens.x, weight_);
    const Indices choice = top_k(add_row(logits, bias_), 1);
    const Tensor gates =
        pick(softmax(logits), entries_of(choice, 1, E_)).reshape({tokens.x.rows(), 1});
    return {.plan = assign(choice, choice, 1, E_, gates), .scores = softmax(logits)};
  }
  void after_step(std::span<const StepLoad> layers, std::size_t own) override {
    const Tensor n = to_real(layers[own].demand, {1, E_}, 1);
    const Tensor mean = affine(sum_cols(n), 1 / static_cast<real>(E_));
    assign(bias_, add(bias_, affine(sign(sub_column(n, mean)), real(-0.01)).reshape({E_})));
  }

 private:
  index E_;
  Tensor weight_, bias_;
};

const Registered<Router> balanced("balanced", "with a balancing bias",
                                  [](const Site& site, Options& options) {
                                    return std::make_unique<Biased>(site, options, false);
                                  });
const Registered<Router> crashes("crashes", "with a tensor that has no memory",
                                 [](const Site& site, Options& options) {
                                   return std::make_unique<Biased>(site, options, true);
                                 });
const Registered<Router> throws("throws", "cannot be made",
                                [](const Site&, Options&) -> std::unique_ptr<Router> {
                                  throw std::runtime_error("the table is missing");
                                });
const Registered<Router> refuses("refuses", "of no size", [](const Site&, Options& options) {
  options.integer("heads", 3, {1, 8}, "of the router");
  options.reject("heads", "does not divide model.width");
  return std::unique_ptr<Router>();
});
const Registered<Router> twice("twice", "a router", [](const Site& site, Options& options) {
  return std::make_unique<Biased>(site, options, false);
});

// x W without a cost.
class Free : public Expert {
 public:
  explicit Free(const ExpertSite& site) : Expert(site) {
    w_ = parameter("w", {site.experts, site.width, site.width}, Init::normal(0.02));
  }
  Tensor forward(const Rows& rows) const override { return grouped_linear(rows, w_, {}); }
  double flops_per_row() const override { return 0; }

 private:
  Tensor w_;
};

const Registered<Expert> also_twice("twice", "an expert", [](const ExpertSite& site, Options&) {
  return std::make_unique<Free>(site);
});

}  // namespace
}  // namespace moesim
