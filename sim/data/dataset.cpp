#include "sim/data/dataset.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

namespace moesim {
namespace {

// The values of rows first .. first + count - 1 in `all`, which has equally many for each row.
template <class T>
std::vector<T> part_of(const std::vector<T>& all, index rows, index first, index count) {
  const auto each = static_cast<std::ptrdiff_t>(all.size()) / rows;
  return {all.begin() + first * each, all.begin() + (first + count) * each};
}

}  // namespace

Batch rows_of(const Batch& batch, index first, index count) {
  const index rows = batch.batch;
  if (first < 0 || count < 1 || first + count > rows)
    fail_in("rows_of", fmt::format("{} rows from {} of a batch of {}", count, first, rows));
  if (count == rows) return batch;
  return {count,
          batch.length,
          part_of(batch.ids, rows, first, count),
          part_of(batch.features, rows, first, count),
          part_of(batch.targets, rows, first, count),
          part_of(batch.domains, rows, first, count)};
}

std::string Dataset::decode(const std::vector<std::int32_t>& ids) const {
  const Tokenizer* const own = tokenizer();
  return own != nullptr ? own->decode(ids) : fmt::format("{}", fmt::join(ids, " "));
}

std::vector<std::int32_t> Dataset::encode(const std::string& text) const {
  std::vector<std::int32_t> ids;
  if (const Tokenizer* const own = tokenizer()) {
    own->encode(text, [&](std::int32_t id) { ids.push_back(id); });
    return ids;
  }
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    index id = -1;
    if (config::parse(word, id) != std::errc{} || id < 0 || id >= info().vocabulary)
      fail(Exit::data, fmt::format("'{}': expected the number of a token, from 0 to {}",
                                   config::printable(word), info().vocabulary - 1));
    ids.push_back(static_cast<std::int32_t>(id));
  }
  return ids;
}

}  // namespace moesim
