#include "sim/data/windows.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/data/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {

void count_ids(const Stretch& tokens, std::vector<std::int64_t>& counts) {
  each_slice(tokens, [&](index, const std::vector<std::int32_t>& ids) {
    for (const std::int32_t id : ids) ++counts[static_cast<std::size_t>(id)];
  });
}

bool is_one_token(const std::vector<std::int64_t>& counts) {
  return std::count(counts.begin(), counts.end(), 0) + 1 ==
         static_cast<std::ptrdiff_t>(counts.size());
}

Halves cut_row(const TokenRow& row, double validation_fraction) {
  const auto train =
      static_cast<index>(std::floor(static_cast<double>(row.size()) * (1 - validation_fraction)));
  return {{&row, 0, train}, {&row, train, row.size() - train}};
}

void require_window(const std::string& name, const char* split, index tokens, index length) {
  if (tokens > length) return;
  fail(Exit::data,
       fmt::format("{}: expected at least {} tokens in the {} split (data.length + 1), found {}",
                   name, length + 1, split, tokens));
}

void Windows::add(const Stretch& train, const Stretch& validation) {
  parts_.push_back({train, validation, starts_, windows_});
  starts_ += train.count - length_;
  windows_ += (validation.count - 1) / length_;
}

Batch Windows::batch(Split split, std::uint64_t seed, index step, index batch_size,
                     bool domains) const {
  const bool train = split == Split::train;
  const BatchRows rows =
      train ? BatchRows{0, batch_size} : rows_of_step(step, batch_size, windows_);
  Batch result{rows.count, length_, {}, {}, {}, {}};
  const Stream stream{seed, Purpose::data, static_cast<std::uint32_t>(step)};
  std::vector<std::int32_t> window;
  for (index row = rows.first; row < rows.first + rows.count; ++row) {
    const index number =
        train ? static_cast<index>(random_below(stream, row, starts_)) : spread(row, windows_);
    const Part& part = part_of(number, train ? &Part::first_start : &Part::first_window);
    const Stretch& tokens = train ? part.train : part.validation;
    const index start = train ? number - part.first_start : (number - part.first_window) * length_;
    window.clear();
    tokens.row->append_to(window, tokens.first + start, length_ + 1);
    result.ids.insert(result.ids.end(), window.begin(), window.end() - 1);
    result.targets.insert(result.targets.end(), window.begin() + 1, window.end());
    if (domains)
      result.domains.insert(result.domains.end(), length_,
                            static_cast<std::int32_t>(&part - parts_.data()));
  }
  return result;
}

const Windows::Part& Windows::part_of(index number, index Part::*first) const {
  const auto after =
      std::upper_bound(parts_.begin(), parts_.end(), number,
                       [first](index value, const Part& part) { return value < part.*first; });
  return *(after - 1);
}

}  // namespace moesim
