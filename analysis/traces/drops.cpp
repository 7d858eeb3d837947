#include "analysis/traces/drops.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace moesim {
namespace {

// The gate of every token's first choice; 0 for tokens without one.
std::vector<float> first_gates(const TraceLayer& layer) {
  std::int32_t most = -1;
  for (const std::int32_t token : layer.token) most = std::max(most, token);
  std::vector<float> gates(static_cast<std::size_t>(most + 1), 0);
  for (std::size_t i = 0; i < layer.token.size(); ++i)
    if (layer.choice[i] == 0) gates[static_cast<std::size_t>(layer.token[i])] = layer.gate[i];
  return gates;
}

}  // namespace

std::vector<std::int32_t> places_in_groups(const TraceLayer& layer, std::int64_t size,
                                           WhatIfFill fill) {
  const std::vector<float> priority =
      fill == WhatIfFill::priority ? first_gates(layer) : std::vector<float>();
  std::vector<std::int32_t> places(layer.token.size());
  std::vector<std::size_t> order;
  std::unordered_map<std::int64_t, std::int32_t> taken;
  for (std::size_t e = 0; e + 1 < layer.begin.size(); ++e) {
    order.resize(layer.begin[e + 1] - layer.begin[e]);
    std::iota(order.begin(), order.end(), layer.begin[e]);
    const auto token = [&](std::size_t i) { return layer.token[i]; };
    const auto choice = [&](std::size_t i) { return layer.choice[i]; };
    const auto gate = [&](std::size_t i) { return -priority[static_cast<std::size_t>(token(i))]; };
    const auto sort_by = [&](const auto& key) {
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    };
    if (fill == WhatIfFill::token)
      sort_by([&](std::size_t i) { return std::tuple(token(i), choice(i)); });
    if (fill == WhatIfFill::choice)
      sort_by([&](std::size_t i) { return std::tuple(choice(i), token(i)); });
    if (fill == WhatIfFill::priority)
      sort_by([&](std::size_t i) { return std::tuple(choice(i), gate(i), token(i)); });
    taken.clear();
    for (const std::size_t i : order) places[i] = taken[token(i) / size]++;
  }
  return places;
}

void WhatIfDrops::add(const WhatIfDrops& other) {
  assignments += other.assignments, dropped += other.dropped;
  tokens += other.tokens, unrouted += other.unrouted;
  gates += other.gates, lost += other.lost;
}

std::vector<bool> dropped_rows(const TraceLayer& layer, const std::vector<std::int32_t>& places,
                               std::int64_t tokens, std::int64_t size,
                               const std::function<std::int64_t(std::int64_t)>& capacity) {
  const std::int64_t whole = capacity(std::min(size, tokens));
  const std::int64_t rest = tokens % size == 0 ? whole : capacity(tokens % size);
  std::vector<bool> dropped(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::int64_t rows = layer.token[i] / size == tokens / size ? rest : whole;
    dropped[i] = rows > 0 && places[i] >= rows;
  }
  return dropped;
}

WhatIfDrops drops_at(const TraceLayer& layer, const std::vector<bool>& dropped,
                     std::int64_t tokens) {
  std::vector<bool> routed(static_cast<std::size_t>(tokens), false);
  WhatIfDrops sums;
  sums.tokens = static_cast<double>(tokens);
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    const auto gate = static_cast<double>(layer.gate[i]);
    ++sums.assignments;
    sums.gates += gate;
    if (!dropped[i]) {
      routed[static_cast<std::size_t>(layer.token[i])] = true;
      continue;
    }
    ++sums.dropped;
    sums.lost += gate;
  }
  sums.unrouted = static_cast<double>(std::count(routed.begin(), routed.end(), false));
  return sums;
}

}  // namespace moesim
