// Nested routers are routers inside a router: this file builds them, splits the tokens among them,
// and composes two levels of assignments.
#pragma once

#include "sim/moe/router.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// Builds the router with a role inside another router NAME: for the role "outer" the section
// [router.NAME.outer] holds its name and options. A nested router has no state.
std::unique_ptr<Router> nested_router(Options& options, const std::string& role,
                                      const std::string& otherwise, const Site& site);

// The context of nested router `number` of `routers`; the outer router uses `outside` itself. Each has
// random numbers of its own.
Context nested_context(const Context& outside, std::size_t routers, std::size_t number);

// The assignment of a nested router; any other plan is an error.
const Assignment& assignment_of(const Routing& routing);
// The plan of a nested router without tokens.
Assignment no_assignment(index experts, Backend& backend);

// Adds the losses of a nested router, named `prefix` + name. Losses of equal names add up, each times
// `share`.
void add_losses(std::vector<Loss>& to, const std::string& prefix, const Routing& from, real share);

// Share is the tokens that one expert received, in the order of tokens, as sequences of their own
// (which may be ragged or empty).
struct Share {
  Tokens tokens;
  Indices row;  // row of the plan of each token
};
// One share per segment. token: of every row, -1: padding; empty: row i is token i.
std::vector<Share> shares_of(const Tokens& all, const Indices& token, const Segments& experts);

// The places at the experts of a plan, one share per expert. Every sequence has the same number:
// the plan's `places`, or its number of tokens. Tokens with a gate above 1/2 come first, then the
// others, each in their order; the rest is padding. Their importance is 1, 1/2 and 0 (Mesh
// TensorFlow's hierarchical mixture). Padding has zeros and row -1.
std::vector<Share> places_of(const Tokens& all, const Assignment& plan);

// Composes two levels of assignments: inner[g] assigns the tokens of shares[g] to the experts of
// group g, and expert i of group g is expert g · n + i. Gates multiply; demand is that of the inner
// level.
Assignment compose(const Assignment& outer, const std::vector<Share>& shares,
                   const std::vector<Assignment>& inner);

}  // namespace moesim
