// The items "equivariance" (the same output for renumbered experts) and "threads" (the same bits
// for any number of threads).
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>

namespace moesim::certificate {
namespace {

constexpr double kSymmetryRounding = kDouble ? 1e-10 : 1e-4;

using Numbers = std::vector<index>;  // new number of each expert, group, or place in a group

// Experts e = g · n + i in G groups of n become groups[g] · n + places[i]. Choices beyond the experts
// keep their numbers.
struct Renumbering {
  Numbers groups, places;
  index all_choices = 0;

  Numbers experts() const {
    const auto n = static_cast<index>(places.size());
    Numbers all;
    for (const index group : groups)
      for (const index place : places) all.push_back(group * n + place);
    return all;
  }
  Numbers choices() const {
    Numbers all = experts();
    while (static_cast<index>(all.size()) < all_choices)
      all.push_back(static_cast<index>(all.size()));
    return all;
  }
};

Numbers identity(index count) {
  Numbers numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), index{0});
  return numbers;
}

// Cyclic renumbering by one: the last becomes the first.
Numbers turned(index count) {
  Numbers numbers = identity(count);
  std::rotate(numbers.begin(), numbers.begin() + 1, numbers.end());
  return numbers;
}

// Swaps the first two.
Numbers swapped(index count) {
  Numbers numbers = identity(count);
  std::swap(numbers[0], numbers[1]);
  return numbers;
}

std::vector<Renumbering> renumberings(index groups, index places, index choices) {
  std::vector<Renumbering> all;
  if (places > 1)
    for (const Numbers& within : {turned(places), swapped(places)})
      all.push_back({identity(groups), within, choices});
  if (groups > 1) all.push_back({turned(groups), identity(places), choices});
  return all;
}

// Permutes blocks of values along one axis: [outer, E, inner].
std::vector<real> permuted(const std::vector<real>& values, index outer, const Numbers& numbers) {
  const auto E = static_cast<index>(numbers.size());
  const index inner = static_cast<index>(values.size()) / (outer * E);
  std::vector<real> result(values.size());
  for (index o = 0; o < outer; ++o)
    for (index e = 0; e < E; ++e)
      std::copy_n(values.begin() + (o * E + e) * inner, inner,
                  result.begin() + (o * E + numbers[static_cast<std::size_t>(e)]) * inner);
  return result;
}

// The renumbering for an axis of this size, or null: of choices, experts (possibly in blocks),
// groups, or places in a group. The axis is identified by its size, hence the sites of check_equivariance. An
// axis of hidden units that is a multiple of E is permuted as well, in all parameters alike, which
// has no effect.
const Numbers* numbers_of(index size, const Site& site, const Renumbering& to,
                          const Numbers& experts, const Numbers& choices) {
  const auto E = static_cast<index>(experts.size());
  if (size == 0 || size == site.width || size == site.length) return nullptr;
  if (size == static_cast<index>(choices.size())) return &choices;
  if (size % E == 0) return &experts;
  if (to.groups.size() == 1) return nullptr;
  if (size == static_cast<index>(to.groups.size())) return &to.groups;
  return size == static_cast<index>(to.places.size()) ? &to.places : nullptr;
}

// Renumbers the experts in every axis of experts of a router's parameter.
bool renumber(const Tensor& parameter, const Site& site, const Renumbering& to) {
  const Numbers experts = to.experts(), choices = to.choices();
  bool found = false;
  index outer = 1;
  std::vector<real> values = parameter.to_host();
  for (int axis = 0; axis < parameter.shape().rank(); outer *= parameter.dim(axis++)) {
    const Numbers* numbers = numbers_of(parameter.dim(axis), site, to, experts, choices);
    if (numbers == nullptr) continue;
    values = permuted(values, outer, *numbers);
    found = true;
  }
  parameter.from_host(values);
  return found;
}

// Permutes parameters that each group has separately: "inner.0.weight", "inner.1.weight" and so on.
bool renumber_groups(const std::vector<Parameter>& parameters, const Numbers& groups) {
  if (groups.size() < 2) return false;
  const auto find = [&](const std::string& name) {
    return std::find_if(parameters.begin(), parameters.end(),
                        [&](const Parameter& p) { return p.name == name; });
  };
  bool found = false;
  for (const Parameter& first : parameters) {
    const std::size_t at = ("." + first.name).find(".0.");
    if (at == std::string::npos) continue;
    std::vector<std::vector<real>> values;
    std::vector<Tensor> tensors;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const auto own =
          find(first.name.substr(0, at) + std::to_string(g) + first.name.substr(at + 1));
      if (own == parameters.end() || own->value.shape() != first.value.shape()) break;
      tensors.push_back(own->value);
      values.push_back(own->value.to_host());
    }
    if (tensors.size() != groups.size()) continue;
    for (std::size_t g = 0; g < groups.size(); ++g)
      tensors[static_cast<std::size_t>(groups[g])].from_host(values[g]);
    found = true;
  }
  return found;
}

// Renumbers the draws that are per expert; the router makes the others itself.
std::function<Tensor(Purpose, Shape)> draws(Specimen& specimen, std::uint64_t draw,
                                            const Numbers& numbers) {
  return [&specimen, draw, numbers](Purpose purpose, Shape shape) -> Tensor {
    const auto E = static_cast<index>(numbers.size());
    if (purpose == Purpose::router_jitter || shape.last() % E != 0) return {};
    const Stream stream{draw, purpose, 0, 0};
    std::vector<real> values(static_cast<std::size_t>(shape.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<real>(purpose == Purpose::router_noise ? random_normal(stream, i)
                                                                     : random_uniform(stream, i));
    return Tensor::of(shape, permuted(values, shape.rows(), numbers), specimen.backend());
  };
}

// Output and losses of a pass.
std::vector<real> results_of(const Pass& pass) {
  std::vector<real> values = pass.y.to_host();
  for (const Loss& loss : pass.routing.losses) values.push_back(loss.value.item());
  return values;
}

struct SymmetryTrace {
  std::vector<std::pair<std::string, std::vector<real>>> values;
};

SymmetryTrace trace(Specimen& specimen, const Batch& batch, int threads) {
  specimen.backend().set_threads(threads);
  const std::vector<Leaf> all = leaves(specimen, batch);
  Tape tape;
  Pass pass;
  {
    const Tape::Scope scope(&tape);
    pass = specimen.forward(batch, {.training = true, .draw = 2});
  }
  SymmetryTrace result;
  result.values.emplace_back("the output", results_of(pass));
  const Tensor dy =
      Tensor::of(pass.y.shape(), normals(6, "dy", pass.y.size(), 1), specimen.backend());
  pull_back(tape, pass, dy, weights_of(pass.routing.losses), all);
  for (const Leaf& leaf : all)
    result.values.emplace_back("the gradient of " + leaf.name, gradient_of(leaf.value));
  return result;
}

// Parameters and buffers of the router.
std::vector<Parameter> values_of_router(const Specimen& specimen) {
  std::vector<Parameter> all = specimen.router_parameters();
  all.insert(all.end(), specimen.router_buffers().begin(), specimen.router_buffers().end());
  return all;
}

std::vector<Parameter> values_of_experts(const Specimen& specimen) {
  std::vector<Parameter> all = specimen.expert_parameters();
  for (const Parameter& buffer : specimen.expert_buffers())
    if (buffer.value.dim(0) == specimen.experts()) all.push_back(buffer);
  return all;
}

// Builds on the first site where sizes distinguish the axes of experts, choices, width and length,
// and the axes of groups and their places; else on any site.
std::unique_ptr<Specimen> with_axis_of_experts(const Subject& subject) {
  for (const Site& site : odd_sites(subject.causal)) try {
      auto made = std::make_unique<Specimen>(subject, Sites{site});
      const index E = made->experts(), groups = made->router().traits().expert_groups;
      const auto differs = [&](index size) {
        return size != made->site().width && size != made->site().length;
      };
      if (differs(E) && differs(made->router().traits().choices) && groups * groups != E)
        return made;
    } catch (const Error&) {
      // Tries the next site.
    }
  return std::make_unique<Specimen>(subject, odd_sites(subject.causal));
}

}  // namespace

Item check_equivariance(const Subject& subject) {
  const std::unique_ptr<Specimen> made = with_axis_of_experts(subject);
  Specimen& specimen = *made;
  const index E = specimen.experts();
  if (E < 2) return {{}, Verdict::none, "one expert"};
  const std::vector<Parameter> routers = values_of_router(specimen);
  const std::vector<Parameter> experts = values_of_experts(specimen);
  if (routers.empty())
    return {{}, Verdict::none, "no parameters, so that nothing can be renumbered"};
  const index groups = specimen.router().traits().expert_groups;
  if (groups < 1 || E % groups != 0)
    return {{}, Verdict::fail, fmt::format("{} experts are no {} groups of equal size", E, groups)};
  const Numbers same = identity(E);
  double worst = 0;
  for (std::uint64_t draw = 0; draw < 4; ++draw)
    for (const Renumbering& to :
         renumberings(groups, E / groups, specimen.router().traits().choices))
      for (const bool training : {true, false}) {
        specimen.randomise(draw, 1);
        const Batch batch = specimen.batch(draw);
        const Mode mode{training, draw};
        const std::vector<real> before =
            results_of(specimen.forward(batch, mode, draws(specimen, draw, same)));
        const Numbers numbers = to.experts();
        bool found = renumber_groups(routers, to.groups);
        for (const Parameter& p : routers) found = renumber(p.value, specimen.site(), to) || found;
        if (!found)
          return {{},
                  Verdict::warn,
                  fmt::format("not tried: no parameter has an axis of {} experts to renumber", E)};
        for (const Parameter& p : experts)
          p.value.from_host(permuted(p.value.to_host(), 1, numbers));
        const std::vector<real> after =
            results_of(specimen.forward(batch, mode, draws(specimen, draw, numbers)));
        const double change =
            difference(before.data(), after.data(), static_cast<index>(before.size()));
        worst = std::max(worst, change / std::max(1.0, largest(before)));
      }
  if (worst <= kSymmetryRounding) return {{}, Verdict::pass, fmt::format("{:.1e}", worst)};
  return {{},
          Verdict::fail,
          fmt::format("renumbering the experts{} changes the output or a loss by {:.2g}; groups of "
                      "experts are declared by traits_.expert_groups",
                      groups > 1 ? fmt::format(" of {} groups", groups) : "", worst)};
}

Item check_threads(const Subject& subject) {
  Specimen specimen(subject, large_sites(subject.causal));
  specimen.randomise(2, 0.5);
  const Batch batch = specimen.batch(2, 0.3);
  const SymmetryTrace one = trace(specimen, batch, 1);
  for (const int threads : {2, 3, 7}) {
    const SymmetryTrace several = trace(specimen, batch, threads);
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      const auto& [name, values] = one.values[i];
      const std::vector<real>& others = several.values[i].second;
      if (values.size() != others.size() ||
          std::memcmp(values.data(), others.data(), values.size() * sizeof(real)) != 0)
        return {{},
                Verdict::fail,
                fmt::format("{} has different bits on {} threads and on one", name, threads)};
    }
  }
  if (!is_large(specimen.site()))
    return {{},
            Verdict::warn,
            fmt::format("same bits, but of {} tokens of width {}, which one thread works on",
                        batch.x.rows(), specimen.site().width)};
  return {{}, Verdict::pass, "same bits"};
}

}  // namespace moesim::certificate
