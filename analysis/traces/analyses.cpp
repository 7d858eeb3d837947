#include "analysis/traces/analyses.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {

const std::vector<Analysis>& analyses() {
  static const std::vector<Analysis> all = {
      {"coactivation",
       "which experts tokens choose together: P(j | i) = tokens that choose i and j / tokens that "
       "choose i",
       {"pairs", "top"},
       coactivation_table},
      {"specialisation",
       "mutual information of expert with domain, token id, previous token and position; with "
       "--by, "
       "the share of each domain, token id or position that goes to each expert",
       {"by", "top", "seen", "bins", "permutations"},
       specialisation_table},
      {"repetition", "how often consecutive tokens have the same expert", {}, repetition_table},
      {"transitions",
       "how far the first choice in a layer decides that in the next; with --by pair, the counts",
       {"by", "top", "permutations"},
       transitions_table},
      {"saturation",
       "share of a token's experts at each checkpoint that are those at the last one; traces of "
       "the "
       "same tokens, in order",
       {},
       saturation_table},
      {"fluctuation",
       "share of tokens whose first choice changes from one traced step to the next; traces of the "
       "same tokens of one run, in order",
       {},
       fluctuation_table},
      {"agreement",
       "share of a token's experts that two seeds have in common once their experts are matched; "
       "with --by expert, the match",
       {"by", "permutations"},
       agreement_table},
      {"collapse",
       "a verdict on the load: fine, uneven or collapsed",
       {"starved", "max-violation", "evenness", "least"},
       collapse_table},
      {"loss",
       "the loss of tokens by the number of experts that served them, and of tokens with and "
       "without a dropped choice (moesim route writes losses)",
       {},
       loss_table},
      {"tokens",
       "the token ids of which each expert has the largest share",
       {"top", "seen"},
       token_table},
      {"mixing",
       "Soft MoE: how many tokens a slot mixes, how many slots a token, and which tokens matter; with "
       "--by, the weight of every token, or the map of dispatch or combine weights",
       {"by", "top", "sequence"},
       mixing_table},
      {"merging",
       "Lory, SMEAR: entropy of the merge weights; with --by, the mean weight of every expert, or the "
       "segments of a sequence",
       {"by"},
       merging_table},
  };
  return all;
}

const Analysis& analysis_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Analysis& one : analyses()) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  const std::string near = nearest(name, names);
  fail(Exit::usage, "command line: analyze " + config::printable(name) + ": choose " +
                        (near.empty() ? "one of " + joined(names) : near));
}

}  // namespace moesim
