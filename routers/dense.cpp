// The dense baseline: one feed-forward network processes every token. It has the active width of a
// router with k experts per token if width_factor = k.
#include "sim/moe/choose.hpp"
#include "sim/moe/dense_width.hpp"
#include "sim/moe/router.hpp"

namespace moesim {
namespace {

class Dense : public Router {
 public:
  Dense(const Site&, Options& options) {
    options.explain(Topic::selection,
                    "no routing: every token passes the one network, with gate 1");
    traits_ = {.experts = 1,
               .width_factor = read_dense_width(options),
               .capturable = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    Assignment plan;
    plan.experts = equal_segments(1, tokens.x.rows(), tokens.x.backend());
    return {.plan = plan};
  }
};

const RegisterRouter<Dense> dense("dense", "no routing: one network for every token, the baseline",
                                  {{"wide", "width_factor=3"}});

}  // namespace
}  // namespace moesim
