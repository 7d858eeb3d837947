// The items "rows", "experts" and "merged" of an expert: what an output depends on.
//
// The comparisons allow for rounding: no provider of matrix products gives a row the same bits
// whatever the number of rows. Changes of weights or rows of order 1 have effects many orders above
// it.
#include "sim/certify/bank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moesim::certificate {
namespace {

// Rows first .. first + count of a tensor [N, D] as the only rows of segment e.
Rows part(Bank& bank, const Rows& rows, index first, index count, index e, index segments) {
  const std::vector<real> all = rows.x.to_host();
  const auto width = static_cast<std::ptrdiff_t>(bank.site().width);
  const auto from = all.begin() + first * width;
  Loads loads(static_cast<std::size_t>(segments), 0);
  loads[static_cast<std::size_t>(e)] = count;
  Rows alone = bank.rows(0, loads);
  alone.x.from_host({from, from + count * width});
  return alone;
}

// The same for rows with a mix: one group, with the mix of group g.
Rows merged_part(Bank& bank, const Rows& rows, index first, index count, index g) {
  const index E = bank.site().experts;
  Rows alone = part(bank, rows, first, count, 0, 1);
  const std::vector<real> mix = rows.merge.to_host();
  alone.merge =
      Tensor::of({1, E}, {mix.begin() + g * E, mix.begin() + (g + 1) * E}, bank.backend());
  return alone;
}

// The difference of rows first .. first + count of the output from `other`.
double change(const Bank& bank, const std::vector<real>& y, index first, const Tensor& other) {
  const std::vector<real> values = other.to_host();
  return change_beyond_rounding(y.data() + first * bank.site().width, values.data(),
                                static_cast<index>(values.size()));
}

// Calls f(e, first, count) for every segment with rows.
template <class F>
void for_segments(const Loads& loads, F f) {
  index first = 0;
  for (std::size_t s = 0; s < loads.size(); first += loads[s++])
    if (loads[s] > 0) f(static_cast<index>(s), first, loads[s]);
}

std::vector<Loads> layouts(index experts) {
  const auto E = static_cast<std::size_t>(experts);
  Loads first(E, 0), last(E, 0);
  first.front() = 9, last.back() = 7;
  return {uneven(experts), uneven(experts, 1), Loads(E, 1), first, last};
}

ExpertSite single_site(const Bank& bank) {
  ExpertSite site = bank.site();
  site.experts = 1;
  return site;
}

// Redraws the weights of all experts but e, and compares the output of e.
std::string foreign_weights(Bank& bank) {
  const index E = bank.site().experts;
  const Loads loads(static_cast<std::size_t>(E), 3);
  for (index e = 0; e < E; ++e) {
    bank.randomise(1);
    const Rows rows = bank.rows(2, loads);
    const std::vector<real> before = bank.apply(rows).to_host();
    for (const Parameter& p : bank.parameters()) {
      const std::vector<real> own = p.value.to_host();
      std::vector<real> others = normals(7, p.name, p.value.size(), 1);
      const auto block = static_cast<std::ptrdiff_t>(own.size()) / E;
      std::copy_n(own.begin() + e * block, block, others.begin() + e * block);
      p.value.from_host(others);
    }
    const std::vector<real> after = bank.apply(rows).to_host();
    const auto from = 3 * e * bank.site().width;
    const double most =
        change_beyond_rounding(before.data() + from, after.data() + from, 3 * bank.site().width);
    if (most > 0)
      return fmt::format("the weights of others change rows of expert {} by up to {:.2g}", e, most);
  }
  return {};
}

}  // namespace

Item check_rows(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  const index E = bank.site().experts;
  bank.randomise(1);
  double worst = 0;
  std::string where;
  const auto compare_alone = [&](const Rows& rows, const Loads& loads, const char* form,
                                 const auto& alone) {
    const std::vector<real> y = bank.apply(rows).to_host();
    for_segments(loads, [&](index s, index first, index count) {
      for (index row = first; row < first + count; ++row) {
        const double most = change(bank, y, row, bank.apply(alone(s, row)));
        if (most <= worst) continue;
        worst = most;
        where = fmt::format("row {} of {}{}", row - first, count, form);
      }
    });
  };
  for (const Loads& loads : layouts(E))
    for (const index behind : {0, 3}) {
      const Rows rows = bank.rows(4, loads, behind);
      compare_alone(rows, loads, "",
                    [&](index e, index row) { return part(bank, rows, row, 1, e, E); });
    }
  if (can_merge(bank)) {
    const Loads loads{5, 0, 1, 3, 2};
    const Rows rows = bank.merged_rows(4, loads);
    compare_alone(rows, loads, " with merged weights",
                  [&](index g, index row) { return merged_part(bank, rows, row, 1, g); });
  }
  if (worst == 0) return {{}, Verdict::pass, "independent"};
  return {{},
          Verdict::fail,
          fmt::format("{} in a segment has another output when it is there alone, by up to {:.2g}",
                      where, worst)};
}

Item check_experts(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  if (const std::string what = foreign_weights(bank); !what.empty())
    return {{}, Verdict::fail, what};
  Bank single(subject, single_site(bank));
  const index E = bank.site().experts;
  bank.randomise(1);
  const Rows rows = bank.rows(2, {3});
  for (index e = 0; e < E; ++e) {
    copy_expert(bank, e, single);
    const std::vector<real> y = bank.apply(part(bank, rows, 0, 3, e, E)).to_host();
    const double most = change(bank, y, 0, single.apply(part(single, rows, 0, 3, 0, 1)));
    if (most > 0)
      return {{},
              Verdict::fail,
              fmt::format("expert {} and a bank of one with its weights differ by up to {:.2g}", e,
                          most)};
  }
  return {{}, Verdict::pass, "apart"};
}

Item check_merged(const Subject& subject) {
  Bank bank(subject, small_sites(true));
  const index E = bank.site().experts;
  bank.randomise(1);
  const Loads loads{5, 0, 1, 3, 2};
  Rows rows = bank.merged_rows(3, loads);
  std::vector<real> mix = rows.merge.to_host();
  for (index e = 0; e < E; ++e) mix[static_cast<std::size_t>(e)] = e == E - 1 ? 1 : 0;
  rows.merge.from_host(mix);  // the first group uses only the last expert
  try {
    bank.apply(rows);
  } catch (const Error& error) {
    return {{}, Verdict::warn, std::string("routers that merge cannot use it: ") + error.what()};
  }
  Bank single(subject, single_site(bank));
  std::string what;
  for_segments(loads, [&](index g, index first, index count) {
    copy_merged(bank, mix.data() + g * E, single);
    const std::vector<real> y = bank.apply(merged_part(bank, rows, first, count, g)).to_host();
    const double most = change(bank, y, 0, single.apply(part(single, rows, first, count, 0, 1)));
    if (most > 0 && what.empty())
      what = fmt::format("merged weights of group {} and their weighted sum differ by up to {:.2g}",
                         g, most);
  });
  if (!what.empty()) return {{}, Verdict::fail, what};
  return {{}, Verdict::pass, "weighted sums"};
}

}  // namespace moesim::certificate
