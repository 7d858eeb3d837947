#include "sim/nn/past.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace moesim {

// Places says which rows of a pass belong to which text.
struct KeyValueCache::Places {
  std::vector<std::int32_t> first;   // [B + 1] first row of each text
  index longest = 0;                 // n: new tokens of a text at most
  bool equal = true;                 // all texts have as many new tokens, and as many kept ones
  std::vector<std::int32_t> padded;  // [B·n] row, -1: none
  std::vector<std::int32_t> place;   // [N] of each row in `padded`
};

KeyValueCache::Places KeyValueCache::places_of(const Segments& rows) const {
  Places places;
  places.first = rows.offset.to_host();
  if (static_cast<index>(places.first.size()) != texts_ + 1)
    fail_in("key-value cache", std::to_string(places.first.size() - 1) + " texts for a cache of " +
                                   std::to_string(texts_));
  const std::int32_t count_of_first = places.first[1] - places.first[0];
  for (std::size_t b = 0; b < length_.size(); ++b) {
    const index count = places.first[b + 1] - places.first[b];
    if (length_[b] + count > most_)
      fail_in("key-value cache", std::to_string(length_[b] + count) +
                                     " tokens of a text for a cache of " + std::to_string(most_));
    places.longest = std::max(places.longest, count);
    places.equal = places.equal && count == count_of_first && length_[b] == length_[0];
  }
  if (places.equal) return places;
  for (std::size_t b = 0; b < length_.size(); ++b)
    for (index i = 0; i < places.longest; ++i) {
      const index row = places.first[b] + i;
      const bool exists = row < places.first[b + 1];
      if (exists) places.place.push_back(static_cast<std::int32_t>(places.padded.size()));
      places.padded.push_back(exists ? static_cast<std::int32_t>(row) : -1);
    }
  return places;
}

// Room for so many tokens of every text, at least twice as much as before.
void KeyValueCache::make_room(index length, index d, Backend& backend) {
  if (length <= room_) return;
  const index room = std::min(most_, std::max({length, 2 * room_, index{32}}));
  for (Tensor* kept : {&keys_, &values_}) {
    const Tensor more = Tensor::zeros({texts_ * kv_heads_, room, d}, backend);
    if (room_ > 0)
      for (index pair = 0; pair < texts_ * kv_heads_; ++pair)
        backend.copy(more.data() + pair * room * d, kept->data() + pair * room_ * d,
                     static_cast<std::size_t>(room_ * d) * sizeof(real));
    *kept = more;
  }
  room_ = room;
}

void KeyValueCache::append(const Tensor& qkv, index heads, const Places& places) {
  Backend& backend = qkv.backend();
  const index d = qkv.cols() / (3 * heads);
  // Keys or values by text, head and new token.
  const auto arranged = [&](index part) {
    std::vector<std::int32_t> row;
    for (std::size_t b = 0; b < length_.size(); ++b)
      for (index g = 0; g < kv_heads_; ++g)
        for (index i = places.first[b]; i < places.first[b + 1]; ++i)
          row.push_back(static_cast<std::int32_t>((3 * i + part) * heads + g * heads / kv_heads_));
    return gather_rows(qkv.reshape({qkv.rows() * 3 * heads, d}), Indices::of(row, backend));
  };
  const Tensor keys = arranged(1), values = arranged(2);
  index from = 0;
  for (std::size_t b = 0; b < length_.size(); ++b) {
    const index count = places.first[b + 1] - places.first[b];
    for (index g = 0; g < kv_heads_ && count > 0; ++g, from += count * d) {
      const index to = ((static_cast<index>(b) * kv_heads_ + g) * room_ + length_[b]) * d;
      const std::size_t bytes = static_cast<std::size_t>(count * d) * sizeof(real);
      backend.copy(keys_.data() + to, keys.data() + from, bytes);
      backend.copy(values_.data() + to, values.data() + from, bytes);
    }
    length_[b] += count;
  }
}

// 0 for the keys that a query sees, far below all scores for others. before: tokens of each text
// before the pass. -> [B·heads·n, room]
Tensor KeyValueCache::mask(const std::vector<index>& before, index heads, index n,
                           Backend& backend) const {
  const index rows = static_cast<index>(before.size()) * heads * n;
  std::vector<real> values(static_cast<std::size_t>(rows * room_), 0);
  for (index row = 0; row < rows; ++row) {
    const index seen = before[static_cast<std::size_t>(row / (heads * n))] + row % n + 1;
    const auto begin = values.begin() + row * room_;
    std::fill(begin + std::min(seen, room_), begin + room_, real(-1e30));
  }
  return Tensor::of({rows, room_}, values, backend);
}

Tensor KeyValueCache::attend(const Tensor& qkv, index heads, const Segments& rows) {
  Backend& backend = qkv.backend();
  const Places places = places_of(rows);
  const index N = places.first.back(), H = heads, d = qkv.cols() / (3 * H);
  const index B = texts_, n = places.longest;
  if (N != qkv.rows()) fail_in("key-value cache", "rows that belong to no text");
  if (N == 0) return Tensor::zeros({0, H * d}, backend);
  const std::vector<index> before = length_;
  make_room(*std::max_element(before.begin(), before.end()) + n, d, backend);
  append(qkv, heads, places);
  if (places.equal && before[0] == 0) return attention(qkv, {B, n, H, true});

  // n queries of every text; those that a text does not have are zeros.
  Tensor all = qkv;
  if (!places.equal) all = gather_rows(qkv, Indices::of(places.padded, backend));
  const IndexMap by_head{.shape = {B, H, n}, .add = {n * 3 * H, 1, 3 * H}};
  const index shared = H / kv_heads_ * n;  // queries of the same keys
  const Tensor q = gather_rows(all.reshape({B * n * 3 * H, d}), map_indices(by_head, backend))
                       .reshape({B * kv_heads_, shared, d});
  Tensor scores = batched_matmul(q, keys_, {.b = true});  // [B·kv_heads, shared, room]
  if (places.equal && n == 1)
    scores = add_row(scores, mask({before[0]}, 1, 1, backend).reshape({room_}));
  else
    scores = add(scores, mask(before, H, n, backend).reshape(scores.shape()));
  const Tensor weights = softmax(scores, static_cast<real>(1 / std::sqrt(static_cast<double>(d))));
  const Tensor h = batched_matmul(weights, values_);  // [B·kv_heads, shared, d]
  const IndexMap by_row{.shape = {B, n, H}, .add = {H * n, 1, n}};
  const Tensor y =
      gather_rows(h.reshape({B * H * n, d}), map_indices(by_row, backend)).reshape({B * n, H * d});
  return places.equal ? y : gather_rows(y, Indices::of(places.place, backend));
}

std::size_t KeyValueCache::bytes() const {
  return keys_ ? 2 * static_cast<std::size_t>(keys_.size()) * sizeof(real) : 0;
}

KeyValueCache& Past::cache_of(const void* owner, index kv_heads) {
  return caches_.try_emplace(owner, texts_, most_, kv_heads).first->second;
}

std::size_t Past::bytes() const {
  return std::accumulate(
      caches_.begin(), caches_.end(), std::size_t{0},
      [](std::size_t sum, const auto& cache) { return sum + cache.second.bytes(); });
}

}  // namespace moesim
