// MegatronRecord is a line of router_trace_rank{r}.jsonl: the choices of one rank's tokens in one
// MoE layer of one step.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct MegatronRecord {
  std::int64_t step = -1, layer = -1, rank = -1, tokens = -1, k = -1;
  std::string block = "decoder";
  std::vector<std::int32_t> experts;  // [tokens · k]
};

// Parses a line; members of other names are skipped. where: "trace.jsonl:3", for messages. Throws
// Exit::data unless the line is a JSON object with step, layer, rank, num_tokens, topk and
// top_indices, an array of num_tokens arrays of topk experts.
MegatronRecord megatron_record(const std::string& where, std::string_view line);

}  // namespace moesim
