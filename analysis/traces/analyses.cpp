#include "analysis/traces/analyses.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {
namespace {

// The files that an analysis reads.
constexpr const char* kTraces = "a run with record.trace = true, or a file of moesim route";
constexpr const char* kRouted = "a file of moesim route";
constexpr const char* kCheckpoints =
    "files of moesim route --checkpoint STEP of the same tokens, in the order of the training";
constexpr const char* kSeeds = "files of moesim route of the same tokens";

}  // namespace

const std::vector<Analysis>& analyses() {
  static const std::vector<Analysis> all = {
      {"coactivation",
       "which experts tokens choose together: P(j | i) = tokens that choose i and j / tokens that "
       "choose i",
       kTraces,
       {"pairs", "top"},
       {""},
       coactivation_table},
      {"specialisation",
       "mutual information of expert with domain, token id, previous token and position; with "
       "--by, the share of each domain, token id or position that goes to each expert",
       kTraces,
       {"by", "top", "seen", "bins", "permutations"},
       {"token", "previous"},
       specialisation_table},
      {"repetition",
       "how often consecutive tokens have the same expert",
       kTraces,
       {},
       {},
       repetition_table},
      {"transitions",
       "how far the first choice in a layer decides that in the next; with --by pair, the counts",
       kTraces,
       {"by", "top", "permutations"},
       {"pair"},
       transitions_table},
      {"saturation",
       "share of a token's experts at each checkpoint that are those at the last one",
       kCheckpoints,
       {},
       {},
       saturation_table},
      {"fluctuation",
       "share of tokens whose first choice changes from one traced step to the next",
       kCheckpoints,
       {},
       {},
       fluctuation_table},
      {"agreement",
       "share of a token's experts that two seeds have in common once their experts are matched; "
       "with --by expert, the match",
       kSeeds,
       {"by", "permutations"},
       {},
       agreement_table},
      {"collapse",
       "a verdict on the load: fine, uneven or collapsed",
       kTraces,
       {"starved", "max-violation", "evenness", "least"},
       {},
       collapse_table},
      {"loss",
       "the loss of tokens by the number of experts that served them, and of tokens with and "
       "without a dropped choice",
       kRouted,
       {},
       {},
       loss_table},
      {"tokens",
       "the token ids of which each expert has the largest share",
       kTraces,
       {"top", "seen"},
       {""},
       token_table},
      {"mixing",
       "Soft MoE: how many tokens a slot mixes, how many slots a token, and which tokens matter; "
       "with --by, the weight of every token, or the map of dispatch or combine weights",
       kRouted,
       {"by", "top", "sequence"},
       {"token", "dispatch", "combine"},
       mixing_table},
      {"merging",
       "Lory, SMEAR: entropy of the merge weights; with --by, the mean weight of every expert, or "
       "the segments of a sequence",
       kRouted,
       {"by"},
       {},
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
