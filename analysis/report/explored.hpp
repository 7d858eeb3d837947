// ExploredText is the routing of a text, token by token: what the explorer of a report shows.
#pragma once

#include "analysis/traces/trace.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// ExploredChoice is an expert that a token was sent to.
struct ExploredChoice {
  std::int32_t expert = 0;
  float gate = 0;
  bool served = true;
};

struct ExploredLayer {
  std::int64_t label = 0;                         // its block
  std::vector<std::vector<ExploredChoice>> of{};  // [token], best first
};

struct ExploredText {
  std::string name;  // of the run
  std::string file;  // the path
  std::string router;
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // of the trace, not only those that are shown
  std::int64_t length = 1;  // of a sequence
  std::int64_t experts = 0;
  // Bytes of each token that is shown. A token that begins a character ends with all of its bytes; the
  // tokens that have the others keep them.
  std::vector<std::string> texts = {};
  std::vector<std::int32_t> ids = {};  // of each; empty: none
  std::vector<double> losses = {};     // of each, in nats, NaN without a target; empty: none
  std::vector<ExploredLayer> layers = {};
  std::vector<std::string> notes = {};  // what was left out
};

// At most `tokens` tokens, and fewer where these have more than `choices` choices in all layers.
struct ExplorerLimits {
  std::int64_t tokens = 4096;
  std::int64_t choices = 1 << 17;
};

// The last trace of a file.
ExploredText explored_text(TracedRun& run, const ExplorerLimits& limits = {});

}  // namespace moesim
