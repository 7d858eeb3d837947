#include "sim/moe/policies/balanced_assignment.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <utility>

namespace moesim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A move of a token from one expert to another: the score that it loses.
using Move = std::pair<double, std::int32_t>;
using Moves = std::priority_queue<Move, std::vector<Move>, std::greater<>>;

class Balancer {
 public:
  Balancer(std::vector<double> score, std::size_t experts, index places)
      : score_(std::move(score)),
        E_(experts),
        room_(experts, places),
        expert_(score_.size() / experts, -1),
        moves_(experts * experts) {
    double most = 0;
    for (double& s : score_) {
      if (!std::isfinite(s)) s = 0;
      most = std::max(most, std::abs(s));
    }
    rounding_ = 1e-14 * most;
  }

  // Inserts a token: it goes to the first expert of the cheapest chain of moves that ends at an
  // expert with room.
  void insert(std::int32_t token) {
    std::vector<double> cost(E_);
    std::vector<std::size_t> before(E_, E_);
    for (std::size_t e = 0; e < E_; ++e) cost[e] = -at(token, e);
    relax(cost, before);
    std::size_t last = E_;
    for (std::size_t e = 0; e < E_; ++e)
      if (room_[e] > 0 && (last == E_ || cost[e] < cost[last])) last = e;
    if (last == E_) fail_in("balanced_assignment", "fewer places than tokens");
    --room_[last];
    std::size_t to = last;
    for (std::size_t steps = 0; before[to] != E_ && steps < E_; ++steps) {
      const std::size_t from = before[to];
      const std::int32_t moved = best(from, to).second;
      place(moved, to);
      to = from;
    }
    place(token, to);
  }

  const std::vector<std::int32_t>& experts() const { return expert_; }

 private:
  double at(std::int32_t token, std::size_t e) const {
    return score_[static_cast<std::size_t>(token) * E_ + e];
  }

  // The cheapest move between two experts; infinite if there is none. Entries of tokens that have
  // left are dropped.
  Move best(std::size_t from, std::size_t to) {
    Moves& moves = moves_[from * E_ + to];
    while (!moves.empty() &&
           expert_[static_cast<std::size_t>(moves.top().second)] != static_cast<std::int32_t>(from))
      moves.pop();
    return moves.empty() ? Move{kInfinity, -1} : moves.top();
  }

  // Bellman and Ford: cost[e] becomes that of the cheapest chain to e.
  void relax(std::vector<double>& cost, std::vector<std::size_t>& before) {
    bool changed = true;
    for (std::size_t round = 0; changed && round < E_; ++round) {
      changed = false;
      for (std::size_t from = 0; from < E_; ++from) {
        if (room_[from] > 0) continue;  // a chain ends at an expert with room
        for (std::size_t to = 0; to < E_; ++to) {
          if (to == from) continue;
          const double through = cost[from] + best(from, to).first;
          if (!(through < cost[to] - rounding_)) continue;
          cost[to] = through, before[to] = from, changed = true;
        }
      }
    }
  }

  void place(std::int32_t token, std::size_t e) {
    expert_[static_cast<std::size_t>(token)] = static_cast<std::int32_t>(e);
    for (std::size_t to = 0; to < E_; ++to)
      if (to != e) moves_[e * E_ + to].push({at(token, e) - at(token, to), token});
  }

  std::vector<double> score_;  // [n, E]
  std::size_t E_;
  std::vector<index> room_;
  std::vector<std::int32_t> expert_;  // -1: not inserted
  std::vector<Moves> moves_;          // [from, to]
  double rounding_ = 0;
};

}  // namespace

std::vector<std::int32_t> balanced_assignment(const std::vector<double>& score, index experts,
                                              index places) {
  Balancer balancer(score, static_cast<std::size_t>(experts), places);
  const auto tokens = static_cast<std::int32_t>(score.size() / static_cast<std::size_t>(experts));
  for (std::int32_t t = 0; t < tokens; ++t) balancer.insert(t);
  return balancer.experts();
}

}  // namespace moesim
