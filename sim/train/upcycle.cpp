#include "sim/train/upcycle.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/unit_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {

const HostTensor* dense_part(const HostTensors& tensors, index block, const std::string& name) {
  for (const char* form : {"blocks.{}.feed_forward.{}", "blocks.{}.moe.experts.{}"}) {
    const auto at = tensors.find(fmt::format(fmt::runtime(form), block, name));
    if (at != tensors.end() && !at->second.shape.empty() && at->second.shape[0] == 1)
      return &at->second;
  }
  return nullptr;
}

namespace {

using Role = HiddenUnits::Role;

Stream stream_of(std::uint64_t seed, const std::string& name) {
  const std::uint64_t key = hash_name(name);
  return {seed, Purpose::upcycling, static_cast<std::uint32_t>(key),
          static_cast<std::uint32_t>(key >> 32)};
}

bool is_matrix(Role role) { return role == Role::in || role == Role::out || role == Role::whole; }

[[noreturn]] void refuse(const std::string& layer, const std::string& why) {
  fail(Exit::usage, fmt::format("init.method = upcycle: {}experts: {}", layer, why));
}

// Pieces of the dense tensor, one for each expert.
std::vector<real> cut(const HostTensor& dense, const UnitAxes& whole, const UnitAxes& own,
                      index experts) {
  const index groups = whole.units / own.units;
  std::vector<real> values;
  values.reserve(static_cast<std::size_t>(experts * own.size()));
  for (index e = 0; e < experts; ++e)
    for (index o = 0; o < own.outer; ++o) {
      const index first = (o * whole.units + e % groups * own.units) * own.inner;
      const auto from = dense.values.begin() + first;
      values.insert(values.end(), from, from + own.units * own.inner);
    }
  return values;
}

// Multiplies every value by 1 + noise · N(0, 1).
void add_noise(std::vector<real>& values, double noise, const Stream& stream) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] *= static_cast<real>(1 + noise * random_normal(stream, i));
}

// Draws units of each expert again, from a normal distribution with mean and deviation of the values
// that it replaces.
void draw_units(std::vector<real>& values, const UnitAxes& own,
                const std::vector<std::vector<index>>& units, const Stream& stream) {
  for (std::size_t e = 0; e < units.size(); ++e) {
    const auto first = static_cast<index>(e) * own.size();
    std::vector<std::size_t> places;
    for (index o = 0; o < own.outer; ++o)
      for (const index unit : units[e])
        for (index i = 0; i < own.inner; ++i)
          places.push_back(
              static_cast<std::size_t>(first + (o * own.units + unit) * own.inner + i));
    const auto n = static_cast<double>(places.size());
    double sum = 0, squares = 0;
    for (const std::size_t at : places) sum += static_cast<double>(values[at]) / n;
    for (const std::size_t at : places)
      squares += std::pow(static_cast<double>(values[at]) - sum, 2) / n;
    for (const std::size_t at : places)
      values[at] = static_cast<real>(sum + std::sqrt(squares) * random_normal(stream, at));
  }
}

// The units of each expert that are drawn again: a share of them, the same in all of its matrices.
std::vector<std::vector<index>> chosen_units(index experts, index units, double share,
                                             const Stream& stream) {
  std::vector<std::vector<index>> chosen;
  const auto count = static_cast<index>(std::floor(share * static_cast<double>(units)));
  for (index e = 0; e < experts; ++e) {
    std::vector<index> order(static_cast<std::size_t>(units));
    std::iota(order.begin(), order.end(), index{0});
    std::stable_sort(order.begin(), order.end(), [&](index a, index b) {
      const auto draw = [&](index unit) {
        return random_word(stream, static_cast<std::uint64_t>(e * units + unit));
      };
      return draw(a) < draw(b);
    });
    order.resize(static_cast<std::size_t>(count));
    chosen.push_back(std::move(order));
  }
  return chosen;
}

// True if an axis of the router's parameter counts the experts.
bool by_expert(const Parameter& p, index experts) {
  const Shape& shape = p.value.shape();
  return shape.last() == experts || (shape.rank() == 2 && shape[0] == experts);
}

// A new parameter of a router for R groups of experts: entry (e, i) is draw (⌊e / G⌋, i).
HostTensor router_start(const Parameter& p, const UpcycledLayer& layer, const Upcycling& how,
                        const Stream& stream) {
  HostTensor made{lengths_of(p.value.shape()),
                  std::vector<real>(static_cast<std::size_t>(p.value.size()))};
  if (how.router == Upcycling::Router::zero) return made;
  const index experts = layer.copies * layer.groups;
  const bool last = p.value.shape().last() == experts;  // else the first axis counts experts
  const index others = p.value.size() / experts;
  for (index e = 0; e < experts; ++e)
    for (index i = 0; i < others; ++i) {
      const index row = e / layer.groups, at = last ? i * experts + e : e * others + i;
      const auto draw = static_cast<std::uint64_t>(i * layer.copies + row);
      made.values[static_cast<std::size_t>(at)] =
          static_cast<real>(how.deviation * random_normal(stream, draw));
    }
  return made;
}

// Makes the experts of one layer. -> false if the source has them already
bool make_experts(const Upcycling& how, HostTensors& tensors, const Expert& bank, index block,
                  std::uint64_t seed, UpcycledLayer& layer) {
  const std::string prefix = layer.name + "experts.";
  const index E = bank.experts();
  std::map<std::string, std::vector<std::int64_t>> shapes;
  bool present = true;
  for (const Parameter& p : bank.parameters()) {
    shapes[p.name] = lengths_of(p.value.shape());
    const auto at = tensors.find(prefix + p.name);
    present &= at != tensors.end() && at->second.shape == shapes[p.name];
  }
  if (present) return false;
  const HiddenUnits units = bank.hidden_units();
  if (units.parts.empty())
    refuse(layer.name,
           "they do not say which of their parameters belong to hidden units; choose "
           "another expert.name");
  HostTensors made;
  std::vector<std::vector<index>> drawn;
  for (const auto& part : units.parts) {
    const HostTensor* dense = dense_part(tensors, block, part.name);
    if (dense == nullptr)
      refuse(layer.name, fmt::format("the source has no dense network with {} in block {}; take a "
                                     "dense run with this model.layers and expert.name",
                                     part.name, block));
    const std::vector<std::int64_t>& shape = shapes.at(part.name);
    if (dense->shape.size() != shape.size())
      refuse(layer.name, part.name + " has another rank in the dense network");
    const UnitAxes whole = axes_of(dense->shape, part.role), own = axes_of(shape, part.role);
    if (whole.outer != own.outer || whole.inner != own.inner)
      refuse(layer.name,
             part.name + " has another width in the dense network; set the same model.width");
    if (whole.units % own.units != 0)
      refuse(
          layer.name,
          fmt::format("their hidden width {} does not divide that of the dense network, {}; leave "
                      "out moe.match, and set expert.hidden alike in both (copies), or take a "
                      "dense network G times as wide, with router.dense.width_factor = G "
                      "(pieces)",
                      own.units, whole.units));
    if (own.units > 1 || whole.units > 1) {
      layer.groups = whole.units / own.units;
      if (E % layer.groups != 0)
        refuse(layer.name,
               fmt::format("moe.experts = {} is no multiple of the {} pieces of width {} of the "
                           "dense network",
                           E, layer.groups, own.units));
    }
    HostTensor& tensor = made[prefix + part.name];
    tensor = {shape, cut(*dense, whole, own, E)};
    if (!is_matrix(part.role)) continue;
    const std::string name = prefix + part.name;
    if (how.noise > 0) add_noise(tensor.values, how.noise, stream_of(seed, name + "/noise"));
    if (how.drop == 0 || part.role == Role::whole) continue;
    if (drawn.empty())
      drawn = chosen_units(E, own.units, how.drop, stream_of(seed, prefix + "/units"));
    draw_units(tensor.values, own, drawn, stream_of(seed, name + "/drop"));
  }
  layer.copies = E / layer.groups;
  for (auto& [name, tensor] : made) tensors[name] = std::move(tensor);
  return true;
}

// Top-k takes whole groups only if k is a multiple of G.
void require_whole_groups(const UpcycledLayer& layer, const Router& router) {
  if (layer.groups == 1) return;
  const double k = router.traits().cost.rows_per_token, g = static_cast<double>(layer.groups);
  if (router.traits().assigns && std::fmod(k, g) == 0 && k > 0) return;
  refuse(layer.name,
         fmt::format("a token takes {:g} experts, and the dense network was cut into {} "
                     "pieces; let a token take a multiple of {}, or make experts as "
                     "wide as the dense network",
                     k, layer.groups, layer.groups));
}

}  // namespace

std::vector<UpcycledLayer> upcycle(const Upcycling& how, HostTensors& tensors,
                                   const Transformer& model, std::uint64_t seed) {
  std::vector<UpcycledLayer> layers;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const MoeLayer& moe = model.moe_layer(i);
    const index block = model.moe_blocks()[i], E = moe.expert().experts();
    UpcycledLayer layer;
    layer.number = i, layer.name = fmt::format("blocks.{}.moe.", block);
    if (!make_experts(how, tensors, moe.expert(), block, seed, layer)) continue;
    require_whole_groups(layer, moe.router());
    for (Parameter p : moe.router().parameters()) {
      if (!by_expert(p, E)) continue;
      p.name = layer.name + "router." + p.name;
      if (how.router != Upcycling::Router::copy)
        tensors[p.name] = router_start(p, layer, how, stream_of(seed, p.name));
      layer.by_expert.push_back(std::move(p));
    }
    layers.push_back(std::move(layer));
  }
  for (std::size_t b = 0; b < model.blocks().size(); ++b) {
    const Expert* network = model.blocks()[b]->feed_forward();
    if (network == nullptr) continue;
    for (const Parameter& p : network->parameters()) {
      const std::string name = fmt::format("blocks.{}.feed_forward.{}", b, p.name);
      const HostTensor* dense = dense_part(tensors, static_cast<index>(b), p.name);
      if (tensors.count(name) == 0 && dense != nullptr) tensors[name] = HostTensor(*dense);
    }
  }
  if (layers.empty())
    fail(Exit::usage,
         "init.method = upcycle: no layer to make: the source has the experts of this model "
         "(then set init.method = same), or they belong to router.name (choose another)");
  return layers;
}

}  // namespace moesim
