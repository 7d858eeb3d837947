// Decoder computes the logits of the next token of texts that grow, with a causal model.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/nn/past.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct Decoding {
  Rules rules = Rules::own;  // of capacity: those of evaluation, or none (Rules::dropless)
  bool cached = true;        // false: every token takes a pass over the whole window
  std::vector<std::int32_t> domains = {};  // [texts] number of each text's domain; empty: not known
};

// A window is the last `length` tokens of a text; they have the positions 0, 1, ... Passes are in
// evaluation mode, and routers apply their rules of inference (Context::generating).
//
// While the texts fit into the window, a pass covers the new tokens only, and attends to the keys
// and values of the others (Past). It covers the whole window once the window moves, because every
// position changes, and always if whole_windows() has a reason. Both give the same logits but for
// rounding.
class Decoder {
 public:
  // texts: their number; all have the same length. The model must outlive the decoder.
  Decoder(Transformer& model, index length, index texts, Backend& backend, const Decoding& how);

  // Appends n tokens to every text, ids [texts·n]. The first call appends the prompts. -> logits of
  // the next tokens, [texts·outputs]
  std::vector<real> extend(const std::vector<std::int32_t>& ids);

  // Why every pass covers the whole window; empty if none needs to before the window moves.
  const std::string& whole_windows() const { return whole_windows_; }
  // True if the last pass covered the new tokens only.
  bool cached() const { return past_.has_value(); }
  // Memory of keys and values.
  std::size_t cache_bytes() const { return past_ ? past_->bytes() : 0; }
  // For Context::on_routing of the next passes.
  Context& context() { return context_; }

 private:
  std::vector<real> pass(const std::vector<std::int32_t>& ids, std::size_t first, index texts,
                         Past* past);
  std::vector<real> pass_over_windows();

  Transformer& model_;
  Backend& backend_;
  index length_;
  std::vector<std::vector<std::int32_t>> texts_;
  std::vector<std::int32_t> domains_;
  Context context_;
  std::string whole_windows_;
  bool alone_ = false;  // texts take passes of their own, because a router mixes sequences
  std::optional<Past> past_;
};

// Why generation with this model needs passes over whole windows; empty: it does not.
std::string reason_for_whole_windows(const Transformer& model, Rules rules);

}  // namespace moesim
