// Routers inside routers: how one is built, what it is given, and how two levels are one
// assignment.
#pragma once

#include "sim/moe/router.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// Builds the router that has a role inside another, NAME: with the role "outer",
// [router.NAME.outer] says which it is (`name`) and has its options. It keeps no state.
std::unique_ptr<Router> nested_router(Options& options, const std::string& role,
                                      const std::string& otherwise, const Site& site);

// The tokens that one expert was given, in the order of tokens, as sequences of their own (which
// may be ragged, or empty).
struct Share {
  Tokens tokens;
  Indices row;  // the row of the plan that each token is
};
// One share per segment. token: of every row, -1 for padding; empty: row i is token i.
std::vector<Share> shares_of(const Tokens& all, const Indices& token, const Segments& experts);

// The places that the experts of a plan have, one share per expert: every sequence has as many, the
// plan's `places` or as many as it has tokens; tokens with a gate over one half come first, the
// others follow, both in their order, and empty places are padding. Their importance is 1, 1/2 and
// 0 (Mesh TensorFlow's hierarchical mixture). Padding has zeros and row -1.
std::vector<Share> places_of(const Tokens& all, const Assignment& plan);

// Two levels of assignments as one: inner[g] sends the tokens of shares[g] to the experts of group
// g, and expert i of group g is expert g · n + i. Gates multiply; demand is what the inner level
// asked for.
Assignment compose(const Assignment& outer, const std::vector<Share>& shares,
                   const std::vector<Assignment>& inner);

}  // namespace moesim
