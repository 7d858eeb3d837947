// The items "gradient" and "paths" of an expert: derivatives are correct, and reach every
// parameter, the rows and the weights of a merge.
#include "sim/certify/bank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim::certificate {
namespace {

std::vector<Leaf> leaves_of(const Bank& bank, const Rows& rows) {
  std::vector<Leaf> all;
  for (const Parameter& p : bank.parameters()) all.push_back({p.name, p.value});
  all.push_back({"rows", rows.x});
  if (rows.merge) all.push_back({"merge", rows.merge});
  return all;
}

Tensor seed_of(Bank& bank, const Rows& rows) {
  return Tensor::of(rows.x.shape(), normals(5, "dy", rows.x.size(), 1), bank.backend());
}

// Differentiates Σ apply(rows) ⊙ dy.
void differentiate(const Bank& bank, const Rows& rows, const Tensor& dy,
                   const std::vector<Leaf>& all, Journal* journal) {
  for (const Leaf& leaf : all) leaf.value.clear_gradient();
  Tape tape;
  tape.journal = journal;
  Tensor y;
  {
    const Tape::Scope scope(&tape);
    y = bank.apply(rows);
  }
  const std::vector<std::pair<Tensor, Tensor>> roots{{y, dy}};
  tape.backward(roots);
}

void check_form(Bank& bank, const Rows& rows, const char* form, Worst& worst) {
  const std::vector<Leaf> all = leaves_of(bank, rows);
  const Tensor dy = seed_of(bank, rows);
  Journal journal;
  differentiate(bank, rows, dy, all, &journal);
  std::vector<std::vector<real>> analytic;
  for (const Leaf& leaf : all) analytic.push_back(gradient_of(leaf.value));

  Tape tape;
  tape.journal = &journal;
  tape.recording = false;
  const Tape::Scope scope(&tape);
  const std::vector<real> weights = dy.to_host();
  const auto value_at = [&](real& entry, double value) {
    entry = static_cast<real>(value);
    journal.rewind();
    const std::vector<real> y = bank.apply(rows).to_host();
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      sum += static_cast<double>(y[i]) * static_cast<double>(weights[i]);
    return sum;
  };
  for (std::size_t l = 0; l < all.size(); ++l)
    for (index i = 0; i < all[l].value.size(); i += stride(all[l].value)) {
      real& entry = all[l].value.data()[i];
      const real kept = entry;
      const double h = kStep * std::max(1.0, std::abs(static_cast<double>(kept)));
      const double above = value_at(entry, static_cast<double>(kept) + h);
      const double below = value_at(entry, static_cast<double>(kept) - h);
      entry = kept;
      compare(worst, static_cast<double>(analytic[l][static_cast<std::size_t>(i)]),
              (above - below) / (2 * h),
              fmt::format("d(output)/d({}[{}]){}", all[l].name, i, form));
    }
}

// The largest gradient of every leaf, per expert (for the rows: over all), relative to the output.
struct Reach {
  std::string name;
  double size = 0;
};

std::vector<Reach> reach_of(Bank& bank) {
  const index E = bank.site().experts;
  std::vector<Reach> reach;
  for (std::uint64_t draw = 0; draw < 6; ++draw) {
    bank.randomise(draw);
    const Rows rows = bank.rows(draw, Loads(static_cast<std::size_t>(E), 4));
    const std::vector<Leaf> all = leaves_of(bank, rows);
    const double scale = std::max(largest(bank.apply(rows).to_host()), 1e-3);
    differentiate(bank, rows, seed_of(bank, rows), all, nullptr);
    std::size_t next = 0;
    for (const Leaf& leaf : all) {
      const std::vector<real> gradient = gradient_of(leaf.value);
      const index blocks = leaf.name == "rows" ? 1 : E;
      const auto block = static_cast<std::ptrdiff_t>(gradient.size()) / blocks;
      for (index e = 0; e < blocks; ++e, ++next) {
        const auto from = gradient.begin() + e * block;
        if (draw == 0)
          reach.push_back({blocks == 1 ? leaf.name : fmt::format("{}[{}]", leaf.name, e)});
        reach[next].size = std::max(reach[next].size, largest({from, from + block}) / scale);
      }
    }
  }
  return reach;
}

// True if the output changes with this block of a parameter, or with the rows, beyond rounding.
bool matters(Bank& bank, const std::string& name) {
  const index E = bank.site().experts;
  bank.randomise(1);
  const Rows rows = bank.rows(1, Loads(static_cast<std::size_t>(E), 4));
  const std::vector<real> before = bank.apply(rows).to_host();
  for (const Leaf& leaf : leaves_of(bank, rows))
    for (index e = 0; e < E; ++e) {
      if (leaf.name != name && fmt::format("{}[{}]", leaf.name, e) != name) continue;
      std::vector<real> values = leaf.value.to_host();
      const auto block = static_cast<std::ptrdiff_t>(values.size()) / E;
      for (auto i = e * block; i < (e + 1) * block; ++i)
        values[static_cast<std::size_t>(i)] += static_cast<real>(0.5);
      leaf.value.from_host(values);
    }
  const std::vector<real> after = bank.apply(rows).to_host();
  return change_beyond_rounding(before.data(), after.data(), static_cast<index>(before.size())) > 0;
}

}  // namespace

Item check_expert_gradient(const Subject& subject, Certificate& certificate) {
  if (!kDouble) return derivatives_not_measured();
  Bank bank(subject, small_sites(true));
  bank.randomise(3);
  Worst worst;
  for (const index turn : {0, 1})
    check_form(bank, bank.rows(3, uneven(bank.site().experts, turn), turn), "", worst);
  if (can_merge(bank))
    check_form(bank, bank.merged_rows(3, {3, 0, 1}), " with merged weights", worst);
  certificate.gradient_error = worst.error;
  return item_of(worst);
}

Item check_expert_paths(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  std::vector<std::string> dead, idle;
  for (const Reach& reach : reach_of(bank))
    if (reach.size <= kZeroGradient)
      (matters(bank, reach.name) ? dead : idle).push_back(reach.name);
  if (!dead.empty())
    return {{},
            Verdict::fail,
            fmt::format("dead path: {} changes the output, but gets no gradient: is it detached?",
                        joined(dead))};
  if (!idle.empty())
    return {{}, Verdict::warn, joined(idle) + " changes nothing, whatever its value"};
  return {{}, Verdict::pass, "all reached"};
}

}  // namespace moesim::certificate
