#include "sim/moe/nested.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

using Numbers = std::vector<std::int32_t>;

Segments segments_of(const Numbers& offset, Backend& backend) {
  const std::int32_t each = offset[1] - offset[0];
  bool equal = true;
  for (std::size_t s = 1; s + 1 < offset.size(); ++s)
    equal = equal && offset[s + 1] - offset[s] == each;
  return {.offset = Indices::of(offset, backend), .rows = offset.back(), .each = equal ? each : 0};
}

// The token of every row of a plan.
Numbers tokens_of_rows(const Indices& token, index rows) {
  if (token) return token.to_host();
  Numbers all(static_cast<std::size_t>(rows));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// The factors (gates or scales; empty: 1) of the rows that are not padding. -> [rows, 1]
Tensor factors_of(const Tensor& factors, index rows, Backend& backend) {
  if (!factors) return Tensor::full({rows, 1}, 1, backend);
  const bool padded = factors.size() != rows;
  const Indices first =
      padded ? map_indices({.shape = {rows, 1, 1}, .add = {1}}, backend) : Indices();
  return (padded ? pick(factors, first) : factors).reshape({rows, 1});
}

// The product of two levels of factors: of the inner rows, and of their outer rows (empty: 1).
Tensor product_of(const std::vector<Tensor>& inner, const Tensor& outer, const Indices& outer_row) {
  const Tensor all = concat_rows(inner).reshape({outer_row.size()});
  return outer ? mul(all, pick(outer, outer_row)) : all;
}

// What was asked for, with the tokens and gates of the outer level; null if no inner plan lists it.
// first: the first expert of each group.
std::shared_ptr<const DemandList> demand_of_both(const Assignment& outer, const Numbers& of_row,
                                                 const std::vector<Share>& shares,
                                                 const std::vector<Assignment>& inner,
                                                 const Numbers& first) {
  if (std::none_of(inner.begin(), inner.end(), [](const auto& plan) { return plan.demanded; }))
    return {};
  const std::vector<real> gate = outer.gate ? outer.gate.to_host() : std::vector<real>();
  auto both = std::make_shared<DemandList>();
  for (std::size_t g = 0; g < inner.size(); ++g) {
    if (!inner[g].demanded) continue;  // no tokens
    const Numbers rows = shares[g].row.to_host();
    for (DemandList::Row row : inner[g].demanded->rows) {
      const std::int32_t at = rows[static_cast<std::size_t>(row.token)];
      if (at < 0) fail_in("compose", "an inner router chose padding");
      row.token = of_row[static_cast<std::size_t>(at)];
      row.expert += first[g];
      if (!gate.empty())
        row.gate = static_cast<real>(row.gate) * gate[static_cast<std::size_t>(at)];
      both->rows.push_back(row);
    }
  }
  return both;
}

}  // namespace

std::unique_ptr<Router> nested_router(Options& options, const std::string& role,
                                      const std::string& otherwise, const Site& site) {
  Options own = options.part(role);
  const std::string name =
      own.choice("name", otherwise, Registry<Router>::names(), "the " + role + " router");
  auto router = Registry<Router>::find(name).make(site, own);
  if (!router->traits().assigns)
    own.reject("name", "a router inside another must assign tokens to experts");
  if (!router->buffers().empty() || !router->traits().totals.empty())
    own.reject("name", "a router with buffers is updated once per step and cannot be nested");
  return router;
}

Context nested_context(const Context& outside, std::size_t routers, std::size_t number) {
  Context own = outside;
  own.nested = outside.nested * static_cast<index>(routers + 1) + static_cast<index>(number + 1);
  return own;
}

const Assignment& assignment_of(const Routing& routing) {
  const auto* plan = std::get_if<Assignment>(&routing.plan);
  if (plan == nullptr) fail_in("router", "a nested router must assign tokens to experts");
  return *plan;
}

Assignment no_assignment(index experts, Backend& backend) {
  return {.token = Indices::of({}, backend), .experts = equal_segments(experts, 0, backend)};
}

void add_losses(std::vector<Loss>& to, const std::string& prefix, const Routing& from, real share) {
  for (const Loss& loss : from.losses) {
    const std::string name = prefix + loss.name;
    const Tensor value = share == 1 ? loss.value : affine(loss.value, share);
    const auto same =
        std::find_if(to.begin(), to.end(), [&](const Loss& other) { return other.name == name; });
    if (same == to.end())
      to.push_back({name, loss.weight, value});
    else
      same->value = add(same->value, value);
  }
}

std::vector<Share> shares_of(const Tokens& all, const Indices& token, const Segments& experts) {
  Backend& backend = all.x.backend();
  const Numbers offset = experts.offset.to_host(), ends = all.sequences.offset.to_host(),
                of_row = tokens_of_rows(token, all.x.rows());
  std::vector<Share> shares;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e) {
    Numbers row(static_cast<std::size_t>(offset[e + 1] - offset[e])), own, pieces;
    std::iota(row.begin(), row.end(), offset[e]);
    const auto of = [&](std::int32_t r) { return of_row[static_cast<std::size_t>(r)]; };
    std::stable_sort(row.begin(), row.end(),
                     [&](std::int32_t a, std::int32_t b) { return of(a) < of(b); });
    for (const std::int32_t r : row) own.push_back(of(r));
    for (const std::int32_t end : ends)
      pieces.push_back(
          static_cast<std::int32_t>(std::lower_bound(own.begin(), own.end(), end) - own.begin()));
    shares.push_back({all.subset(Indices::of(own, backend), segments_of(pieces, backend)),
                      Indices::of(row, backend)});
  }
  return shares;
}

std::vector<Share> places_of(const Tokens& all, const Assignment& plan) {
  Backend& backend = all.x.backend();
  const index length = all.length();
  const index places = plan.places > 0 ? std::min(plan.places, length) : length;
  const Numbers offset = plan.experts.offset.to_host();
  const Numbers of_row = tokens_of_rows(plan.token, plan.experts.rows);
  const std::vector<real> gate = factors_of(plan.gate, plan.experts.rows, backend).to_host();
  const auto size = static_cast<std::size_t>(all.batch() * places);
  std::vector<Share> shares;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e) {
    Numbers row(size, -1), token(size, -1);
    std::vector<real> importance(size, 0);
    std::vector<index> used(static_cast<std::size_t>(all.batch()), 0);
    for (const bool first : {true, false})
      for (std::int32_t r = offset[e]; r < offset[e + 1]; ++r) {
        const auto of = static_cast<std::size_t>(r);
        if ((gate[of] > real(0.5)) != first) continue;
        const index sequence = of_row[of] / length;
        const auto place = static_cast<std::size_t>(sequence * places +
                                                    used[static_cast<std::size_t>(sequence)]++);
        row[place] = r, token[place] = of_row[of];
        importance[place] = first ? real(1) : gate[of] > 0 ? real(0.5) : real(0);
      }
    Tokens share =
        all.subset(Indices::of(token, backend), equal_segments(all.batch(), places, backend));
    share.importance = Tensor::empty({static_cast<index>(size)}, backend);
    share.importance.from_host(importance);
    shares.push_back({std::move(share), Indices::of(row, backend)});
  }
  return shares;
}

Assignment compose(const Assignment& outer, const std::vector<Share>& shares,
                   const std::vector<Assignment>& inner) {
  Backend& backend = shares.front().tokens.x.backend();
  Numbers token, outer_row, offset{0}, demand, firsts;
  const Numbers of_row = tokens_of_rows(outer.token, outer.experts.rows);
  std::vector<Tensor> gates, scales;
  bool scaled = static_cast<bool>(outer.scale);
  for (std::size_t g = 0; g < inner.size(); ++g) {
    const Assignment& plan = inner[g];
    if (plan.bypass || plan.addend)
      fail_in("compose", "an inner router passes tokens around its experts");
    const Numbers rows = shares[g].row.to_host(), ends = plan.experts.offset.to_host(),
                  chosen = tokens_of_rows(plan.token, shares[g].tokens.x.rows());
    const std::int32_t first = offset.back();
    firsts.push_back(static_cast<std::int32_t>(offset.size()) - 1);
    for (std::size_t e = 1; e < ends.size(); ++e) offset.push_back(first + ends[e]);
    for (std::int32_t i = 0; i < ends.back(); ++i) {
      outer_row.push_back(rows[static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)])]);
      if (outer_row.back() < 0) fail_in("compose", "an inner router chose padding");
      token.push_back(of_row[static_cast<std::size_t>(outer_row.back())]);
    }
    if (plan.demand) {
      const Numbers asked = plan.demand.to_host();
      demand.insert(demand.end(), asked.begin(), asked.end());
    } else {
      for (std::size_t e = 1; e < ends.size(); ++e) demand.push_back(ends[e] - ends[e - 1]);
    }
    scaled = scaled || plan.scale;
    if (ends.back() == 0) continue;
    gates.push_back(factors_of(plan.gate, ends.back(), backend));
    scales.push_back(factors_of(plan.scale, ends.back(), backend));
  }
  const auto rows = static_cast<index>(token.size());
  Assignment plan;
  plan.token = Indices::of(token, backend);
  plan.experts = {.offset = Indices::of(offset, backend), .rows = rows};
  plan.demand = Indices::of(demand, backend);
  plan.demanded = demand_of_both(outer, of_row, shares, inner, firsts);
  if (gates.empty()) return plan;
  const Indices row = Indices::of(outer_row, backend);
  plan.gate = product_of(gates, outer.gate, row);
  if (scaled) plan.scale = product_of(scales, outer.scale, row);
  return plan;
}

}  // namespace moesim
