#include "sim/moe/policies/even_group.hpp"

namespace moesim {

Group read_even_group(Options& options, const Site& site) {
  const Group group =
      read_group(options, site.causal && !site.ragged ? "position" : "batch",
                 {"batch", "sequence", "position"},
                 "tokens that are spread evenly in training: all, of a sequence, or "
                 "of the same position of all sequences");
  if (site.ragged && group != Group::batch)
    options.reject("group",
                   "sequences of a router inside another differ in length; set group = batch");
  return group;
}

}  // namespace moesim
