// judge_load() says in one word whether the load of the experts of a layer has collapsed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

struct CollapseLimits {
  double starved = 0.1;      // an expert is starved below this fraction of the mean load
  double max_violation = 1;  // MaxVio above it: uneven
  double evenness = 0.25;    // below it: collapsed
  double least = 20;         // assignments per expert that a verdict needs
};

struct LoadVerdict {
  double assignments = 0;
  double dead = 0, starved = 0;  // experts; dead ones are starved, too
  double max_violation = 0;      // max n(e) / mean - 1
  double entropy = 0;            // of n(e) / Σ n, over log E
  double effective = 0;          // exp of the entropy of n(e) / Σ n
  // (effective - k) / (E - k), k: mean experts of a token. 1: balanced; 0: all tokens have the same
  // experts. NaN if k = E.
  double evenness = 0;
  // "collapsed": evenness below its limit. "uneven": a dead or starved expert, or MaxVio above its
  // limit. Else "fine". "" with fewer than `least` assignments per expert, which chance alone leaves
  // uneven.
  std::string word;
};

// load: n(e), before capacity; tokens: that were routed.
LoadVerdict judge_load(const std::vector<double>& load, double tokens,
                       const CollapseLimits& limits);

// The worst of the words of several layers.
std::string worst_word(const std::vector<std::string>& words);

}  // namespace moesim
