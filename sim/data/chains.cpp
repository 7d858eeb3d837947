#include "sim/data/chains.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace moesim {
namespace {

using Lists = std::vector<std::vector<Neighbour>>;

// Adds the edges of the other direction; each list then has the most similar first.
Lists symmetric(const Lists& lists) {
  Lists both = lists;
  for (std::size_t i = 0; i < lists.size(); ++i)
    for (const Neighbour& each : lists[i])
      both[static_cast<std::size_t>(each.row)].push_back({static_cast<index>(i), each.similarity});
  for (std::vector<Neighbour>& list : both) {
    std::sort(list.begin(), list.end(), [](const Neighbour& a, const Neighbour& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
    });
    const auto same = [](const Neighbour& a, const Neighbour& b) { return a.row == b.row; };
    list.erase(std::unique(list.begin(), list.end(), same), list.end());
  }
  return both;
}

// Unvisited has the nodes not yet visited in buckets by degree, their number of unvisited
// neighbours. A node stays in the buckets of its former degrees until these are looked into.
class Unvisited {
 public:
  explicit Unvisited(const Lists& edges) : edges_(edges), visited_(edges.size()) {
    std::size_t most = 0;
    for (const auto& list : edges) most = std::max(most, list.size());
    buckets_.resize(most + 1);
    for (std::size_t i = 0; i < edges.size(); ++i) {
      degree_.push_back(edges[i].size());
      buckets_[degree_[i]].push(i);
    }
  }

  bool contains(std::size_t node) const { return !visited_[node]; }

  // The node of least degree, the lowest of several; there is one.
  std::size_t least() {
    for (;; ++least_)
      for (Bucket& bucket = buckets_[least_]; !bucket.empty(); bucket.pop())
        if (const std::size_t node = bucket.top(); !visited_[node] && degree_[node] == least_)
          return node;
  }

  void visit(std::size_t node) {
    visited_[node] = true;
    for (const Neighbour& each : edges_[node]) {
      const auto other = static_cast<std::size_t>(each.row);
      if (visited_[other]) continue;
      buckets_[--degree_[other]].push(other);
      least_ = std::min(least_, degree_[other]);
    }
  }

 private:
  using Bucket = std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>>;
  const Lists& edges_;
  std::vector<bool> visited_;
  std::vector<std::size_t> degree_;
  std::vector<Bucket> buckets_;
  std::size_t least_ = 0;  // buckets below have no node
};

}  // namespace

Chains chains_of(const Lists& lists, index longest) {
  const Lists edges = symmetric(lists);
  Unvisited unvisited(edges);
  Chains chains;
  while (chains.order.size() < edges.size()) {
    std::size_t node = unvisited.least();
    chains.begin.push_back(static_cast<index>(chains.order.size()));
    for (index length = 1;; ++length) {
      chains.order.push_back(static_cast<index>(node));
      unvisited.visit(node);
      if (length == longest) break;
      const std::vector<Neighbour>& list = edges[node];
      const auto next = std::find_if(list.begin(), list.end(), [&](const Neighbour& each) {
        return unvisited.contains(static_cast<std::size_t>(each.row));
      });
      if (next == list.end()) break;
      node = static_cast<std::size_t>(next->row);
    }
  }
  return chains;
}

}  // namespace moesim
