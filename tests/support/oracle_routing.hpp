// Turns a routing into the arrays that oracle files have of it: what is sent where, gates by rank, logits.
#pragma once

#include "sim/moe/routing.hpp"
#include "tests/support/oracle.hpp"

#include <vector>

namespace moesim::testing {

// What an assignment sends where: 1 and gates at [token, expert], zeros elsewhere.
struct Sent {
  index tokens = 0, experts = 0;
  std::vector<double> kept, gate;
  double rows = 0;
};
Sent sent(const Routing& routing, index tokens, index experts);

// Of every row, the k columns with the largest values, best first.
std::vector<double> ranked(const std::vector<double>& values, index cols, index k);
// values[t, column[t, j]]
std::vector<double> at_columns(const std::vector<double>& values, index cols,
                               const std::vector<double>& column);
// Logits whose softmax over each row is `scores`, with the free constant of a row as stored.
std::vector<double> logits_of(const Tensor& scores, const StoredArray& stored, index cols);

}  // namespace moesim::testing
