// ForeignTrace is the routing that another program recorded: k choices of every token in every MoE
// layer, in one or more steps.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

// The choices of a layer in a step, token by token: [tokens · k].
struct ForeignChoices {
  std::vector<std::int32_t> expert;
  std::vector<float> gate;  // empty if unknown
};

struct ForeignTrace {
  std::vector<std::int64_t> steps, layers;  // their labels
  index tokens = 0;                         // of every step
  index k = 0, experts = 0;
  std::vector<std::int32_t> token_ids = {};  // [tokens]; empty if unknown
  std::string gate;                          // where gates come from, in words
  std::vector<std::string> notes = {};       // what was assumed or left out

  // Reads the choices of steps[step] and layers[layer]. Throws Exit::data for an expert that is out
  // of range or chosen twice by a token, and for a gate that is negative or not finite.
  std::function<ForeignChoices(std::size_t step, std::size_t layer)> read;
};

// How full router logits become choices.
struct GateRule {
  std::string name;  // one of gate_rules(); "": not known
  index k = 0;       // 0: not known
};

// Limits of what is imported.
inline constexpr index kMostForeignTokens = index{1} << 30, kMostForeignLayers = 1 << 12,
                       kMostForeignExperts = 1 << 16;
inline constexpr double kMostForeignGate = 1e30;

// The trace in .npy, .npz and .safetensors files: experts [tokens, layers, k] with or without gates,
// or logits [tokens, layers, E] with a rule; token_ids [tokens]. experts: 0 if not known.
ForeignTrace trace_of_arrays(const std::vector<std::string>& paths, index experts,
                             const GateRule& rule);

// The trace in the files router_trace_rank*.jsonl of Megatron-Core; tokens of ranks follow each
// other.
ForeignTrace trace_of_megatron(const std::vector<std::string>& paths, index experts);

// Throws Exit::data unless the k experts of every token are distinct and in range. where: the array
// and layer, for messages.
void check_choices(const std::string& where, const std::vector<std::int32_t>& expert, index k,
                   index experts);

// "the number of experts, N, is a guess ..."
std::string guess_note(index experts);

}  // namespace moesim
