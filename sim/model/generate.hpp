// Generator continues a text token by token with a causal model.
#pragma once

#include "sim/model/decoder.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// Choosing holds the sampling settings: temperature and top-k.
struct Choosing {
  double temperature = 1;  // the logits are divided by it; 0: always the most likely token
  index top_k = 0;         // sample among this many most likely tokens; 0: all
  std::uint64_t seed = 0;
};

// The token that a uniform draw u in [0, 1) selects. Throws Exit::diverged for NaN or infinite
// logits.
std::int32_t choose_token(const std::vector<real>& logits, const Choosing& choosing, double u);

// Generator continues one text; the logits are those of a Decoder.
class Generator {
 public:
  // prompt: at least one token. The model must outlive the generator.
  Generator(Transformer& model, index length, Backend& backend, std::vector<std::int32_t> prompt,
            const Choosing& choosing, const Decoding& how = {});

  std::int32_t next();
  // The prompt and the new tokens.
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  // Logits of the next token: [outputs].
  const std::vector<real>& logits();
  const Decoder& decoder() const { return decoder_; }

 private:
  Decoder decoder_;
  Choosing choosing_;
  std::vector<std::int32_t> tokens_;
  std::size_t decoded_ = 0;   // tokens that the decoder has
  std::vector<real> logits_;  // after these
  std::uint64_t drawn_ = 0;
};

}  // namespace moesim
