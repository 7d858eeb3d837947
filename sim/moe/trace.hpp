// trace_of() lists what a routing decided, assignment by assignment, on the host.
#pragma once

#include "sim/moe/routing.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// An assignment: a token asked for an expert.
struct TraceRow {
  std::int32_t token = 0;
  std::int32_t expert = 0;
  float gate = 1;           // a dropped one has the gate of its choice
  std::uint8_t choice = 0;  // which of its token's choices it is, from 0; 255: that, or a later one
  bool served = true;
};

// LayerTrace is the routing of one MoE layer in one or more passes.
struct LayerTrace {
  enum class Rows {
    none,    // a merging, a custom plan, or one network for all tokens
    tokens,  // assignments
    slots,   // a mixing: rows of an expert have no token
  };
  Rows kind = Rows::none;
  index experts = 0;
  index slots = 0;             // rows of every expert of a mixing
  std::vector<TraceRow> rows;  // of assignments

  // Number of rows of all experts.
  index size() const {
    return kind == Rows::slots ? slots * experts : static_cast<index>(rows.size());
  }
};

// "none", "tokens" or "slots".
const char* name_of(LayerTrace::Rows kind);

// The trace of one pass. Rows of one expert, in one group of tokens that shares
// its places, are in the order in which places are given. Reads the plan from the device.
LayerTrace trace_of(const Routing& routing, index experts);

// Appends a later pass of the same layer, whose tokens count from `first`.
void append(LayerTrace& trace, const LayerTrace& pass, index first);

// Sorts rows by expert, the served ones of an expert first; keeps the order of the others.
void sort_by_expert(LayerTrace& trace);

// The list of what was asked for: the choices at `service` (places in choice [T·k]; those that are
// -1 are left out), with gates [T, k]. kept: choices with dropped ones at -1.
DemandList demand_list(const std::vector<std::int32_t>& service, const Indices& choice,
                       const Indices& kept, const Tensor& gates, index k);

}  // namespace moesim
