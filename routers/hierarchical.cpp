// A hierarchical mixture of experts: an outer router sends tokens to groups of experts, and an
// inner router in each group sends them on (Jordan and Jacobs 1994; Shazeer et al. 2017, appendix
// B). Both levels are routers of their own, with their own capacity.
//
//   y[t] = Σ_g outer[t, g] Σ_i inner[g][t, i] · expert_{g n + i}(x[t])
#include "sim/core/error.hpp"
#include "sim/moe/nested.hpp"
#include "sim/moe/variants.hpp"

#include <algorithm>

namespace moesim {
namespace {

class Hierarchical : public Router {
 public:
  Hierarchical(const Site& site, Options& o) {
    const index groups = o.integer("groups", 2, {1, site.experts}, "of experts");
    if (site.experts % groups != 0)
      o.reject("groups", "does not divide moe.experts = " + std::to_string(site.experts));
    Site outside = site, inside = site;
    outside.experts = groups, inside.experts = site.experts / groups;
    outer_ = nested_router(o, "outer", "token_choice", outside);
    child("outer", *outer_);
    for (index g = 0; g < groups; ++g) {
      inner_.push_back(nested_router(o, "inner", "token_choice", inside));
      child("inner." + std::to_string(g), *inner_.back());
    }
    const Traits &out = outer_->traits(), &in = inner_.front()->traits();
    if (out.experts != groups || in.experts != inside.experts)
      o.reject("groups", "a nested router must route over all of its experts");
    traits_ = {.experts = site.experts,
               .sees = {.later_tokens = out.sees.later_tokens || in.sees.later_tokens,
                        .other_sequences = out.sees.other_sequences || in.sees.other_sequences},
               .cost = {.rows_per_token = out.cost.rows_per_token * in.cost.rows_per_token,
                        .router_flops =
                            out.cost.router_flops + out.cost.rows_per_token * in.cost.router_flops},
               .expert_groups = groups,
               .surrogate = out.surrogate || in.surrogate};
  }

  Routing route(const Tokens& tokens) override {
    Routing outer = outer_->route(tokens);
    const Assignment& groups = assignment_of(outer);
    const std::vector<Share> shares = shares_of(tokens, groups.token, groups.experts);
    Routing routing;
    add_losses(routing, "outer_", outer, 1);
    std::vector<Assignment> plans;
    for (std::size_t g = 0; g < inner_.size(); ++g) {
      Routing inner = inner_[g]->route(shares[g].tokens);
      plans.push_back(assignment_of(inner));
      add_losses(routing, "inner_", inner, real(1) / static_cast<real>(inner_.size()));
    }
    routing.plan = compose(groups, shares, plans);
    return routing;
  }

 private:
  static const Assignment& assignment_of(const Routing& routing) {
    const auto* plan = std::get_if<Assignment>(&routing.plan);
    if (plan == nullptr) fail_in("hierarchical", "a nested router must assign tokens to experts");
    return *plan;
  }
  // Losses of the groups are summed by name, each with its share of the weight.
  static void add_losses(Routing& to, const std::string& prefix, const Routing& from, real share) {
    for (const Loss& loss : from.losses)
      to.losses.push_back({prefix + loss.name, share * loss.weight, loss.value});
  }

  std::unique_ptr<Router> outer_;
  std::vector<std::unique_ptr<Router>> inner_;
};

const Registered<Router> hierarchical(
    "hierarchical", "routers inside a router: groups first, then experts (Jordan and Jacobs 1994)",
    [](const Site& site, Options& options) {
      return std::make_unique<Hierarchical>(site, options);
    });

const Variants variants(
    "hierarchical",
    {{"dropless",
      "outer.capacity_factor=0 outer.capacity_factor_eval=0 inner.capacity_factor=0 "
      "inner.capacity_factor_eval=0 inner.group=batch"}});

}  // namespace
}  // namespace moesim
