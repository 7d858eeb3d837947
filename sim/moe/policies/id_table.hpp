// IdTable is a table of values of experts for every token id: in the first blocks of a model the k
// largest values of a token's id are its experts (DeepSeek-V4). Roller et al. 2021 have one expert
// per id, with gate 1 (routers/hash.cpp).
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/router.hpp"

namespace moesim {

class IdTable {
 public:
  // Reads `hash_layers`.
  IdTable(Options& options, const Site& site);

  // True in the first hash_layers blocks.
  bool used() const { return used_; }
  // The values of tokens. table [vocabulary, n], which the router has as a buffer. -> [T, n]
  Tensor values(const Tensor& table, const Tokens& tokens) const;

 private:
  bool used_ = false;
};

}  // namespace moesim
