#include "sim/train/probe.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace moesim {
namespace {

// A change of later tokens can change the number of rows of an expert, and so the rounding of a
// product. That is not a leak.
constexpr double kRounding = sizeof(real) == 4 ? 1e-4 : 1e-12;

// What the tokens after the kept ones become: other tokens, or the first of the sequence, which
// fills the places of its experts.
enum class Later { others, equal };

// Probe compares the logits of a batch before and after a change of later tokens.
class Probe {
 public:
  Probe(Transformer& model, const Task& task, Batch base, index vocabulary, Backend& backend)
      : model_(model), task_(task), base_(std::move(base)), V_(vocabulary), backend_(backend) {
    for (const bool training : {false, true}) before_[training] = logits_of(base_, training);
  }

  index length() const { return base_.length; }
  // The largest change at each of the first `kept` positions, in both modes.
  std::vector<double> changes(index kept, Later later) const {
    std::vector<double> most(static_cast<std::size_t>(kept));
    const Batch changed = with_later(kept, later);
    for (const bool training : {false, true}) {
      const std::vector<real>& before = before_[training];
      const std::vector<real> after = logits_of(changed, training);
      const auto sequences = static_cast<std::size_t>(base_.batch);
      const std::size_t each = before.size() / sequences;
      const std::size_t width = each / static_cast<std::size_t>(length());
      for (std::size_t b = 0; b < sequences; ++b)
        for (std::size_t i = 0; i < static_cast<std::size_t>(kept) * width; ++i) {
          const auto was = static_cast<double>(before[b * each + i]);
          const auto is = static_cast<double>(after[b * each + i]);
          most[i / width] = std::max(most[i / width], std::abs(is - was));
        }
    }
    return most;
  }
  // The largest logit.
  double largest() const {
    double most = 0;
    for (const std::vector<real>& logits : before_)
      for (const real value : logits) most = std::max(most, std::abs(static_cast<double>(value)));
    return most;
  }

 private:
  std::vector<real> logits_of(const Batch& batch, bool training) const {
    Context context{.training = training, .seed = 0, .step = 0};
    const Example example = task_.prepare(batch, backend_);
    std::vector<Loss> losses;
    return model_.forward(example.input, context, losses).to_host();
  }
  Batch with_later(index kept, Later later) const {
    Batch changed = base_;
    const index S = length();
    for (index b = 0; b < changed.batch; ++b)
      for (index s = kept; s < S; ++s) {
        std::int32_t& id = changed.ids[static_cast<std::size_t>(b * S + s)];
        id = later == Later::equal
                 ? base_.ids[static_cast<std::size_t>(b * S)]
                 : static_cast<std::int32_t>((id + 1 + (b + s) % std::max<index>(1, V_ - 1)) % V_);
      }
    return changed;
  }

  Transformer& model_;
  const Task& task_;
  Batch base_;
  index V_;
  Backend& backend_;
  std::vector<real> before_[2];  // by mode: evaluation, training
};

// Numbers of kept tokens: fifths of the length.
std::set<index> fifths_of(index length) {
  std::set<index> cuts;
  for (index part = 1; part <= 4; ++part) cuts.insert(std::max<index>(1, length * part / 5));
  return cuts;
}
// Fifths, powers of two, and all but the last: a leak that is confined to the first tokens shows
// after few.
std::set<index> cuts_of(index length) {
  std::set<index> cuts = fifths_of(length);
  for (index kept = 1; kept < length; kept *= 2) cuts.insert(kept);
  cuts.insert(length - 1);
  return cuts;
}

// Adds the positions with changes above `rounding`.
void add(FutureLeak& leak, const std::vector<double>& changes, double rounding) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i] <= rounding) continue;
    const auto position = static_cast<index>(i);
    leak.change = std::max(leak.change, changes[i]);
    leak.first = leak.first < 0 ? position : std::min(leak.first, position);
    leak.last = std::max(leak.last, position);
  }
}

// Tests the positions outside first .. last, each by a change of all tokens after it.
void widen(FutureLeak& leak, const Probe& probe) {
  const double rounding = kRounding * probe.largest();
  FutureLeak found = leak;
  for (index kept = probe.length() - 1; kept > found.last + 1; --kept)
    add(found, probe.changes(kept, Later::others), rounding);
  for (index kept = 1; kept <= found.first; ++kept)
    add(found, probe.changes(kept, Later::others), rounding);
  leak.first = found.first, leak.last = found.last;
}

}  // namespace

FutureLeak future_leak(Transformer& model, const Task& task, const Dataset& data, index rows,
                       Backend& backend) {
  const Batch base = data.batch(Split::validation, 0, 0, rows);
  const index V = data.info().vocabulary, S = base.length;
  FutureLeak leak;
  if (S < 2) return leak;
  const Probe probe(model, task, base, V, backend);
  const double rounding = kRounding * probe.largest();
  for (const index kept : cuts_of(S)) add(leak, probe.changes(kept, Later::others), rounding);
  for (const index kept : fifths_of(S)) add(leak, probe.changes(kept, Later::equal), rounding);
  if (!leak.leaks()) return leak;
  // Limits the tokens of a pass over all positions.
  constexpr index kTokens = 1 << 15, kFewest = 4;
  const index fewer = std::min(base.batch, std::max(kFewest, kTokens / (S * S)));
  widen(leak, Probe(model, task, rows_of(base, 0, fewer), V, backend));
  return leak;
}

}  // namespace moesim
