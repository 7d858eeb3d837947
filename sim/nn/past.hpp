// Past is what passes over the earlier tokens of texts leave for the next pass, which then covers
// new tokens only: keys and values of attention, and values of routers.
#pragma once

#include "sim/core/tensor.hpp"
#include "sim/ops/linear.hpp"

#include <map>
#include <vector>

namespace moesim {

// KeyValueCache holds the keys and values that one attention computed for the tokens of B texts.
class KeyValueCache {
 public:
  // most: tokens of a text at most. kv_heads: heads of keys and values.
  KeyValueCache(index texts, index most, index kv_heads)
      : texts_(texts), most_(most), kv_heads_(kv_heads), length_(static_cast<std::size_t>(texts)) {}

  // Causal attention of new tokens over the tokens of their text, softmax(q kᵀ / √d) v per head,
  // after it has appended their keys and values. qkv [N, 3·heads·d] as in attention(); the keys and
  // values of heads / kv_heads consecutive heads are the same. rows: B pieces, which may differ in
  // length. No gradients. -> [N, heads·d]
  Tensor attend(const Tensor& qkv, index heads, const Segments& rows);

  std::size_t bytes() const;

 private:
  struct Places;
  Places places_of(const Segments& rows) const;
  void make_room(index length, index d, Backend& backend);
  void append(const Tensor& qkv, index heads, const Places& places);
  Tensor mask(const std::vector<index>& before, index heads, index n, Backend& backend) const;

  index texts_, most_, kv_heads_;
  index room_ = 0;             // allocated tokens per text
  std::vector<index> length_;  // [B] tokens that are kept
  Tensor keys_, values_;       // [B·kv_heads, room, d], zeros after the tokens
};

struct Past {
  // texts: B. most: tokens of a text at most.
  Past(index texts, index most) : texts_(texts), most_(most) {}

  index length = 0;  // tokens of each text so far, which is the position of the next

  // The cache of an attention, by the address of what owns its weights.
  KeyValueCache& cache_of(const void* owner, index kv_heads);
  // A value that a router keeps, by its address; empty before it is set.
  Tensor& value_of(const void* owner) { return values_[owner]; }
  // Memory of all keys and values.
  std::size_t bytes() const;

 private:
  index texts_, most_;
  std::map<const void*, KeyValueCache> caches_;
  std::map<const void*, Tensor> values_;
};

}  // namespace moesim
