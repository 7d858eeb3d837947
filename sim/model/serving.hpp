// serve() generates texts in batches, as a server does, and measures the time of every pass and the
// experts that it reads.
#pragma once

#include "sim/model/decoder.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct Serving {
  index texts = 1;    // b, of a batch
  index tokens = 1;   // generated for each text; the first by the pass over the prompt
  Decoding how = {};  // domains: of all prompts, or empty
};

struct Served {
  std::vector<std::vector<std::int32_t>> texts;  // prompts and new tokens
  std::vector<double> first;                     // seconds of each batch until its first tokens
  std::vector<double> later;                     // seconds of each later token of a batch
  // Of passes for later tokens: distinct experts that had rows, ascending, [layer][pass]. A router
  // whose experts are its own parameters reports its load.
  std::vector<std::vector<std::vector<std::int32_t>>> touched;
  std::vector<double> rows;     // rows of expert compute for later tokens, [layer]
  index whole_windows = 0;      // of the passes for later tokens
  std::size_t cache_bytes = 0;  // keys and values of a batch at its end
};

// Continues the prompts, which have the same length and whose number is a multiple of the batch,
// by the most likely tokens. The first batch runs once before the measurement.
Served serve(Transformer& model, index length, Backend& backend,
             const std::vector<std::vector<std::int32_t>>& prompts, const Serving& serving);

// Numbers of parameter values by kind: embedding and head, attention, feed-forward networks, routers,
// experts, shared experts, other.
std::vector<std::pair<std::string, index>> parameters_by_kind(const Transformer& model);

// Bytes of weights that a pass reads for b tokens if it runs so many experts in all layers: all
// weights but those of other experts; of an embedding that is not the head, the rows of the tokens.
double weight_bytes(const Transformer& model, double experts, double tokens);

}  // namespace moesim
