// Windows makes batches of S consecutive positions from long rows of tokens, one or two rows per
// domain. Training windows start anywhere in a training stretch; validation windows are consecutive
// and never overlap.
#pragma once

#include "sim/data/dataset.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// TokenRow is a long row of token ids, in memory or in files.
class TokenRow {
 public:
  virtual ~TokenRow() = default;
  virtual index size() const = 0;
  // Appends the ids first .. first + count - 1.
  virtual void append_to(std::vector<std::int32_t>& ids, index first, index count) const = 0;
};

// Stretch is the tokens first .. first + count - 1 of a row, which must outlive it.
struct Stretch {
  const TokenRow* row = nullptr;
  index first = 0, count = 0;
};

// DomainRun is where a run of one domain begins in a row; it ends where the next one begins.
struct DomainRun {
  index first = 0;
  std::int32_t domain = 0;
};

// Calls visit(first, ids) for slices in order; `first` counts from the beginning of the stretch.
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

// Adds the occurrences of each id to `counts`.
void count_ids(const Stretch& tokens, std::vector<std::int64_t>& counts);

// True if only one id occurs, so that there is nothing to predict.
bool is_one_token(const std::vector<std::int64_t>& counts);

// Halves is the two splits of one row; the last part is validation.
struct Halves {
  Stretch train, validation;
};
Halves cut_row(const TokenRow& row, double validation_fraction);

// Throws Exit::data unless a window fits: S positions need S + 1 tokens, the last one as a target.
// `name` is that of the part.
void require_window(const std::string& name, const char* split, index tokens, index length);

class Windows {
 public:
  explicit Windows(index length) : length_(length) {}

  // Adds the next domain. Each stretch must hold a window; one without training has none there.
  void add(const Stretch& train, const Stretch& validation);
  // Adds stretches of several domains: their runs begin at places in the stretch, the first at 0.
  void add(const Stretch& train, std::vector<DomainRun> train_runs, const Stretch& validation,
           std::vector<DomainRun> validation_runs);

  // Number of validation windows of all domains.
  index count() const { return windows_; }
  // The share of training windows whose S positions are of one domain.
  double share_of_one_domain() const;

  // Training: every window is equally likely, so domains are drawn in proportion to their size.
  // `domains`: whether to fill in Batch::domains.
  Batch batch(Split split, std::uint64_t seed, index step, index batch_size, bool domains) const;

 private:
  struct Part {
    Stretch train, validation;
    std::vector<DomainRun> train_runs, validation_runs;
    index first_start;   // number of its first training window, counted over all parts
    index first_window;  // number of its first validation window, likewise
  };
  const Part& part_of(index number, index Part::*first) const;

  index length_;
  index starts_ = 0, windows_ = 0;  // training and validation windows of all parts
  std::vector<Part> parts_;
};

}  // namespace moesim
