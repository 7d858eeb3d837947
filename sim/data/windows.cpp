#include "sim/data/windows.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/data/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace moesim {
namespace {

// Appends the domain of each of the positions first .. first + count - 1.
void append_domains(std::vector<std::int32_t>& domains, const std::vector<DomainRun>& runs,
                    index first, index count) {
  auto next = std::upper_bound(runs.begin(), runs.end(), first,
                               [](index place, const DomainRun& run) { return place < run.first; });
  while (count > 0) {
    const index left = next == runs.end() ? count : std::min(count, next->first - first);
    domains.insert(domains.end(), static_cast<std::size_t>(left), (next - 1)->domain);
    first += left, count -= left;
    if (next != runs.end()) ++next;
  }
}

}  // namespace

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
  const auto domain = static_cast<std::int32_t>(parts_.size());
  add(train, {{0, domain}}, validation, {{0, domain}});
}

void Windows::add(const Stretch& train, std::vector<DomainRun> train_runs,
                  const Stretch& validation, std::vector<DomainRun> validation_runs) {
  parts_.push_back(
      {train, validation, std::move(train_runs), std::move(validation_runs), starts_, windows_});
  starts_ += std::max<index>(0, train.count - length_);
  windows_ += (validation.count - 1) / length_;
}

double Windows::share_of_one_domain() const {
  index whole = 0;
  for (const Part& part : parts_)
    for (std::size_t i = 0; i < part.train_runs.size(); ++i) {
      const bool last = i + 1 == part.train_runs.size();
      const index first = part.train_runs[i].first;
      // A window has one token more, its last target.
      const index tokens = (last ? part.train.count - 1 : part.train_runs[i + 1].first) - first;
      whole += std::max<index>(0, tokens - length_ + 1);
    }
  return static_cast<double>(whole) / static_cast<double>(starts_);
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
      append_domains(result.domains, train ? part.train_runs : part.validation_runs, start,
                     length_);
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
