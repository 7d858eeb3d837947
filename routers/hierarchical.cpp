// A hierarchical mixture of experts: an outer router sends tokens to groups of experts, and an
// inner router in each group sends them to its experts (Jordan and Jacobs 1994; Shazeer et al.
// 2017, appendix B). Each level is a router with its own capacity; outer.k = inner.k = 0 takes all
// groups and experts, the mixture of 1994.
//
//   y[t] = Σ_g outer[t, g] Σ_i inner[g][t, i] · expert_{g n + i}(x[t])
#include "sim/moe/nested.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

class Hierarchical : public Router {
 public:
  Hierarchical(const Site& site, Options& o) {
    const index groups = o.integer("groups", 2, {1, site.experts}, "groups of experts");
    if (site.experts % groups != 0)
      o.reject("groups", "does not divide moe.experts = " + std::to_string(site.experts));
    importance_ = o.flag("importance", false,
                         "inner routers route the places of a group, empty ones included, and "
                         "tokens whose gate is at most 1/2 take no first choice (Mesh TensorFlow)");
    o.explain(Topic::selection,
              fmt::format("the outer router sends tokens to {} groups, an inner one to the {} "
                          "experts of each",
                          groups, site.experts / groups));
    o.explain(Topic::gate, "g = outer gate · inner gate");
    Site outside = site, inside = site;
    outside.experts = groups, inside.experts = site.experts / groups;
    inside.ragged = !importance_;
    outer_ = nested_router(o, "outer", "token_choice", outside);
    child("outer", *outer_);
    for (index g = 0; g < groups; ++g) {
      inner_.push_back(nested_router(o, "inner", "token_choice", inside));
      child("inner." + std::to_string(g), *inner_.back());
    }
    const Traits &out = outer_->traits(), &in = inner_.front()->traits();
    if (out.experts != groups || in.experts != inside.experts)
      o.reject("groups", "a nested router must route over all of its experts");
    if (importance_ && !in.importance)
      o.reject("importance", "the inner router routes padding like any token; use token_choice");
    traits_ = {
        .experts = site.experts,
        // Capacity of the inner routers depends on the number of tokens of a group, later ones
        // included.
        .sees = {.later_tokens = out.sees.later_tokens || in.sees.later_tokens ||
                                 in.sees.other_sequences || importance_,
                 .other_sequences = out.sees.other_sequences || in.sees.other_sequences},
        .cost = {.rows_per_token = out.cost.rows_per_token * in.cost.rows_per_token,
                 .router_flops =
                     out.cost.router_flops + out.cost.rows_per_token * in.cost.router_flops},
        .expert_groups = groups,
        .surrogate = out.surrogate || in.surrogate,
        .labelled = out.labelled || in.labelled,
        .reroutes = importance_ ? Reroutes::always : std::max(out.reroutes, in.reroutes)};
  }

  Routing route(const Tokens& tokens) override {
    const Routing outer = outer_->route(tokens);
    const Assignment& groups = assignment_of(outer);
    const std::vector<Share> shares =
        importance_ ? places_of(tokens, groups) : shares_of(tokens, groups.token, groups.experts);
    Routing routing;
    add_losses(routing.losses, "outer_", outer, 1);
    std::vector<Assignment> plans;
    for (std::size_t g = 0; g < inner_.size(); ++g) {
      if (shares[g].tokens.x.rows() == 0) {
        plans.push_back(no_assignment(traits_.experts / traits_.expert_groups, tokens.x.backend()));
        continue;
      }
      Context context = nested_context(tokens.context, inner_.size(), g);
      const Tokens& share = shares[g].tokens;
      const Routing inner = inner_[g]->route({share.x, share.sequences, share.ids, share.position,
                                              context, share.importance, share.domain});
      plans.push_back(assignment_of(inner));
      add_losses(routing.losses, "inner_", inner, real(1) / static_cast<real>(inner_.size()));
    }
    routing.plan = compose(groups, shares, plans);
    return routing;
  }

 private:
  bool importance_ = false;
  std::unique_ptr<Router> outer_;
  std::vector<std::unique_ptr<Router>> inner_;
};

const RegisterRouter<Hierarchical> hierarchical(
    "hierarchical", "routers inside a router: groups first, then experts (Jordan and Jacobs 1994)",
    {{"dropless",
      "outer.capacity_factor=0 outer.capacity_factor_eval=0 inner.capacity_factor=0 "
      "inner.capacity_factor_eval=0 inner.group=batch"},
     {"one expert each", "groups=4"},
     {"dense", "outer.k=0 inner.k=0"},
     {"mesh",
      "importance=true outer.k=2 outer.fill=choice outer.capacity_factor=0.7 inner.k=2 "
      "inner.fill=choice inner.normalise_epsilon=1e-9"}});

}  // namespace
}  // namespace moesim
