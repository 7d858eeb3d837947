#include "sim/moe/policies/even_group.hpp"

#include <algorithm>

namespace moesim {

Group read_even_group(Options& options, const Site& site) {
  const Group group =
      read_group(options, site.causal && !site.ragged ? "position" : "batch",
                 {"batch", "sequence", "position"},
                 "tokens that are spread evenly in training: all, of a sequence, or "
                 "of the same position of all sequences");
  const index n =
      group_size(group, std::max<index>(1, site.batch), std::max<index>(1, site.length));
  options.explain(Topic::selection,
                  "training: experts share " + describe_group(group, n) + " evenly");
  if (site.ragged && group != Group::batch)
    options.reject("group",
                   "sequences of a router inside another differ in length; set group = batch");
  return group;
}

}  // namespace moesim
