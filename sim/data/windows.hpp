// Windows of S positions in long rows of tokens, one row or two for each domain. Training windows
// start anywhere in a training stretch; validation windows lie one behind the other and never
// overlap.
#pragma once

#include "sim/data/dataset.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// A long row of token ids, in memory or in a file.
class TokenRow {
 public:
  virtual ~TokenRow() = default;
  virtual index size() const = 0;
  // Appends the ids first .. first + count - 1.
  virtual void append_to(std::vector<std::int32_t>& ids, index first, index count) const = 0;
};

// The tokens first .. first + count - 1 of a row that outlives it.
struct Stretch {
  const TokenRow* row = nullptr;
  index first = 0, count = 0;
};

// visit(first, ids) of slices in order; `first` counts from the beginning of the stretch.
template <class Visit>
void each_slice(const Stretch& tokens, const Visit& visit) {
  constexpr index kSlice = 1 << 16;
  std::vector<std::int32_t> ids;
  for (index first = 0; first < tokens.count; first += kSlice) {
    ids.clear();
    tokens.row->append_to(ids, tokens.first + first, std::min(kSlice, tokens.count - first));
    visit(first, ids);
  }
}

// Adds how often each id occurs to `counts`.
void count_ids(const Stretch& tokens, std::vector<std::int64_t>& counts);

// True if only one id occurs: there is nothing to predict.
bool is_one_token(const std::vector<std::int64_t>& counts);

// The two splits of one row: its last part is validation.
struct Halves {
  Stretch train, validation;
};
Halves cut_row(const TokenRow& row, double validation_fraction);

// Throws Exit::data unless a window fits: S positions take S + 1 tokens, as the last target lies
// behind it. `name` is that of the part.
void require_window(const std::string& name, const char* split, index tokens, index length);

class Windows {
 public:
  explicit Windows(index length) : length_(length) {}

  // The next domain. Both stretches hold a window.
  void add(const Stretch& train, const Stretch& validation);

  // Validation windows of all domains.
  index count() const { return windows_; }

  // Training: every window is equally likely, so domains are drawn by their size. `domains`: does
  // the batch say of which domain each position is?
  Batch batch(Split split, std::uint64_t seed, index step, index batch_size, bool domains) const;

 private:
  struct Part {
    Stretch train, validation;
    index first_start;   // of its training windows, in the count over all parts
    index first_window;  // of its validation windows, likewise
  };
  const Part& part_of(index number, index Part::*first) const;

  index length_;
  index starts_ = 0, windows_ = 0;  // training and validation windows of all parts
  std::vector<Part> parts_;
};

}  // namespace moesim
