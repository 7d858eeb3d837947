#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/routing.hpp"
#include "sim/ops/indices.hpp"
#include "sim/ops/rows.hpp"

namespace moesim {

Tokens tokens_of(const Tensor& x, index batch, index length, const Indices& ids, Context& context) {
  return {x, equal_segments(batch, length, x.backend()), ids, {}, context, {}, {}};
}

index Tokens::length() const {
  if (batch() == 1) return x.rows();
  if (sequences.each == 0)
    fail_in("tokens",
            "sequences of different lengths have no common length: choose a setting that "
            "does not route by sequence");
  return sequences.each;
}

Indices Tokens::positions() const {
  if (position) return position;
  if (batch() == 1 || sequences.each > 0)
    return map_indices({.shape = {batch(), length(), 1}, .add = {0, 1}}, x.backend());
  std::vector<std::int32_t> places;
  const std::vector<std::int32_t> offset = sequences.offset.to_host();
  for (std::size_t s = 0; s + 1 < offset.size(); ++s)
    for (std::int32_t i = offset[s]; i < offset[s + 1]; ++i) places.push_back(i - offset[s]);
  places.resize(static_cast<std::size_t>(x.rows()), -1);
  return Indices::of(places, x.backend());
}

Tokens Tokens::subset(const Indices& token, const Segments& pieces) const {
  return {gather_rows(x, token),
          pieces,
          ids.size() > 0 ? look_up(ids, token) : ids,
          look_up(positions(), token),
          context,
          importance ? pick(importance, token) : importance,
          domain ? look_up(domain, token) : domain};
}

}  // namespace moesim
