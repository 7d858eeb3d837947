// Continuing a text with a causal model.
#pragma once

#include "sim/model/transformer.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// How the next token is chosen from the logits.
struct Choosing {
  double temperature = 1;  // the logits are divided by it; 0: always the most likely token
  index top_k = 0;         // among this many most likely ones; 0: all
  std::uint64_t seed = 0;
};

// The token that a uniform u in [0, 1) chooses. Throws Exit::diverged for logits that are not
// finite.
std::int32_t choose_token(const std::vector<real>& logits, const Choosing& choosing, double u);

// Token by token. Each is a forward pass over the last `length` tokens at evaluation, in which
// routers keep their own rules of inference (Context::generating); nothing is cached.
class Generator {
 public:
  // prompt: at least one token. The model must outlive the generator.
  Generator(Transformer& model, index length, Backend& backend, std::vector<std::int32_t> prompt,
            const Choosing& choosing);

  std::int32_t next();
  // The prompt and what was added.
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  // [outputs], of the token after the last one.
  std::vector<real> logits();

 private:
  Transformer& model_;
  Backend& backend_;
  index length_;
  Choosing choosing_;
  std::vector<std::int32_t> tokens_;
  std::uint64_t drawn_ = 0;
};

}  // namespace moesim
