// Orders documents along a path on which neighbours are similar (Shi et al. 2024, In-Context
// Pretraining, algorithm 1).
#pragma once

#include "sim/data/neighbours.hpp"

#include <vector>

namespace moesim {

// Chains is an order in which each chain is a walk along edges; between two chains is a jump.
struct Chains {
  std::vector<index> order;  // every node once
  std::vector<index> begin;  // place in `order` of the first node of each chain
};

// Two nodes have an edge if either is in the other's list. The first chain starts at the node with
// the fewest edges; each step goes to the unvisited neighbour of largest similarity. A chain ends
// at a node without an unvisited neighbour, or after `longest` nodes (0: no limit); the next one
// starts at the unvisited node with the fewest unvisited neighbours. Ties go to the lower node. The
// printed algorithm says arg min for the step, its text and figure the largest. Time: O(edges log
// edges).
Chains chains_of(const std::vector<std::vector<Neighbour>>& lists, index longest);

}  // namespace moesim
