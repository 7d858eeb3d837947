// Builds and compares a layer with an oracle file.
#include "tests/support/oracle_layer.hpp"

#include "sim/core/error.hpp"
#include "sim/core/tape.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim::testing {

std::string option(double value) { return fmt::format("{:.17g}", value); }

OracleLayer::OracleLayer(Oracle& oracle, bool causal) : oracle_(oracle) {
  site.width = oracle.integer("d_model");
  site.experts = oracle.has_hp("num_experts") ? oracle.integer("num_experts")
                 : oracle.has_hp("num_experts_outer")
                     ? oracle.integer("num_experts_outer") * oracle.integer("num_experts_inner")
                     : 1;
  site.batch = oracle.integer("batch"), site.length = oracle.integer("seq");
  site.causal = causal;
}

void OracleLayer::make_router(const std::string& name, const OptionValues& options) {
  router_ = testing::make_router(name, site, options);
}

void OracleLayer::make_expert(const std::string& name, index hidden, const OptionValues& options) {
  expert_ = testing::make_expert(
      name, {.width = site.width, .experts = site.experts, .hidden = hidden}, options);
}

void OracleLayer::bind_router(const std::string& stored, const std::string& parameter) {
  bind(stored, parameter_of(*router_, parameter), 0, 1);
}

void OracleLayer::bind_expert(const std::string& stored, const std::string& parameter) {
  bind(stored, parameter_of(*expert_, parameter), 0, 1);
}

void OracleLayer::bind_router_turned(const std::string& stored, const std::string& parameter) {
  bind(stored, parameter_of(*router_, parameter), 0, 1, false, Turned::yes);
}

void OracleLayer::bind_expert_as_stored(const std::string& stored, const std::string& parameter) {
  bind(stored, parameter_of(*expert_, parameter), 0, 1, false, Turned::no);
}

void OracleLayer::bind_router_pieces(const std::string& stored,
                                     const std::vector<std::string>& parameters) {
  const std::vector<real> values = oracle_.values("params/" + stored);
  Binding binding{.stored = stored};
  auto from = values.begin();
  for (const std::string& parameter : parameters) {
    const Tensor piece = parameter_of(*router_, parameter);
    if (values.end() - from < piece.size())
      fail(Exit::data, "params/" + stored + ": fewer values than its parameters have");
    if (!piece.allocated()) piece.allocate(backend());
    piece.from_host({from, from + piece.size()});
    from += piece.size();
    (binding.value ? binding.further.emplace_back() : binding.value) = piece;
  }
  if (from != values.end())
    fail(Exit::data, "params/" + stored + ": more values than its parameters have");
  binding.rows = 1, binding.cols = binding.value.size();
  bindings_.push_back(std::move(binding));
}

void OracleLayer::bind_each_expert(const std::string& stored, const std::string& parameter,
                                   bool turned) {
  for (index e = 0; e < site.experts; ++e)
    bind(fmt::format("experts/{}/{}", e, stored), parameter_of(*expert_, parameter), e,
         site.experts, false, turned ? Turned::yes : Turned::by_layout);
}

void OracleLayer::bind_expert_parts(const std::string& stored,
                                    const std::vector<std::string>& parameters) {
  for (index e = 0; e < site.experts; ++e) {
    const std::string name = fmt::format("experts/{}/{}", e, stored);
    const StoredArray& array = oracle_.input("params/" + name);
    const index parts = static_cast<index>(parameters.size());
    const index rows = array.dims.front() / parts, cols = array.size() / array.dims.front();
    for (index part = 0; part < parts; ++part) {
      const Tensor value = parameter_of(*expert_, parameters[static_cast<std::size_t>(part)]);
      if (!value.allocated()) value.allocate(backend());
      std::vector<real> all = value.to_host();
      for (index r = 0; r < rows; ++r)
        for (index c = 0; c < cols; ++c)
          all.at(static_cast<std::size_t>((e * cols + c) * rows + r)) = static_cast<real>(
              array.values[static_cast<std::size_t>((part * rows + r) * cols + c)]);
      value.from_host(all);
      bindings_.push_back({.stored = name,
                           .value = value,
                           .first = e * rows * cols,
                           .rows = rows,
                           .cols = cols,
                           .turned = true,
                           .of_row = part * rows,
                           .last = part + 1 == parts});
    }
  }
}

void OracleLayer::bind_log(const std::string& stored, const std::string& parameter) {
  bind(stored, parameter_of(*router_, parameter), 0, 1, true);
}

void OracleLayer::bind_places(const std::string& stored,
                              const std::function<Place(const std::vector<index>& at)>& place) {
  const StoredArray& array = oracle_.input("params/" + stored);
  Binding binding{.stored = stored};
  std::vector<std::pair<Tensor, std::vector<real>>> changed;  // with its values on the host
  for (index i = 0; i < array.size(); ++i) {
    std::vector<index> at(array.dims.size());
    index rest = i;
    for (std::size_t axis = at.size(); axis-- > 0; rest /= array.dims[axis])
      at[axis] = rest % array.dims[axis];
    const Place to = place(at);
    if (!to.first.allocated()) to.first.allocate(backend());
    auto found = std::find_if(changed.begin(), changed.end(),
                              [&](const auto& known) { return known.first.same(to.first); });
    if (found == changed.end())
      found = changed.insert(changed.end(), {to.first, to.first.to_host()});
    found->second[static_cast<std::size_t>(to.second)] =
        static_cast<real>(array.values[static_cast<std::size_t>(i)]);
    binding.places.push_back(to);
  }
  for (const auto& [tensor, values] : changed) tensor.from_host(values);
  bindings_.push_back(std::move(binding));
}

Tensor OracleLayer::bind_own(const std::string& stored) {
  const Tensor value = Tensor::deferred({oracle_.input("params/" + stored).size()});
  bind(stored, value, 0, 1);
  return value;
}

void OracleLayer::bind(const std::string& stored, const Tensor& value, index piece, index pieces,
                       bool logarithm, Turned turned) {
  const StoredArray& array = oracle_.input("params/" + stored);
  if (value.size() != array.size() * pieces)
    fail(Exit::data, fmt::format("params/{}: {} values for a parameter {}", stored, array.size(),
                                 value.shape().to_string()));
  Binding binding{.stored = stored, .value = value, .first = piece * array.size()};
  const std::vector<std::string> turned_layouts = {"[out,in]", "[expert,d]", "[expert,slot,d]",
                                                   "[expert+zero,d]"};
  binding.turned = turned == Turned::yes || (turned == Turned::by_layout &&
                                             std::find(turned_layouts.begin(), turned_layouts.end(),
                                                       array.layout) != turned_layouts.end());
  binding.logarithm = logarithm;
  binding.cols = array.dims.empty() ? 1 : array.dims.back();
  binding.rows = array.size() / binding.cols;
  if (!value.allocated()) value.allocate(backend());
  std::vector<real> all = value.to_host();
  for (index r = 0; r < binding.rows; ++r)
    for (index c = 0; c < binding.cols; ++c) {
      const double v = array.values[static_cast<std::size_t>(r * binding.cols + c)];
      const index at = binding.turned ? c * binding.rows + r : r * binding.cols + c;
      all[static_cast<std::size_t>(binding.first + at)] =
          static_cast<real>(logarithm ? std::log(v) : v);
    }
  value.from_host(all);
  bindings_.push_back(std::move(binding));
}

Tensor OracleLayer::input(const std::string& array) {
  const StoredArray& stored = oracle_.input(array);
  const index cols = stored.dims.back();
  return oracle_.tensor(array, {stored.size() / cols, cols}, backend());
}

std::vector<double> gradient_or_zeros(const Tensor& tensor) {
  if (!tensor.has_gradient()) return std::vector<double>(static_cast<std::size_t>(tensor.size()));
  return host(tensor.gradient());
}

namespace {

std::vector<double> gradient_at(const std::vector<OracleLayer::Place>& places) {
  std::vector<double> result;
  std::vector<std::pair<Tensor, std::vector<double>>> read;  // with its gradient on the host
  for (const auto& place : places) {
    const Tensor& tensor = place.first;
    auto found = std::find_if(read.begin(), read.end(),
                              [&](const auto& known) { return known.first.same(tensor); });
    if (found == read.end()) found = read.insert(read.end(), {tensor, gradient_or_zeros(tensor)});
    result.push_back(found->second[static_cast<std::size_t>(place.second)]);
  }
  return result;
}

}  // namespace

// The gradient for the array as it is stored; of T = exp(p): dL/dT = dL/dp / T.
std::vector<double> OracleLayer::gradient_of(const Binding& binding) const {
  if (!binding.places.empty()) return gradient_at(binding.places);
  const std::vector<double> all = gradient_or_zeros(binding.value);
  const std::vector<double> value = host(binding.value);
  std::vector<double> result;
  for (index r = 0; r < binding.rows; ++r)
    for (index c = 0; c < binding.cols; ++c) {
      const auto at = static_cast<std::size_t>(
          binding.first + (binding.turned ? c * binding.rows + r : r * binding.cols + c));
      result.push_back(binding.logarithm ? all[at] / std::exp(value[at]) : all[at]);
    }
  for (const Tensor& piece : binding.further) {
    const std::vector<double> next = gradient_or_zeros(piece);
    result.insert(result.end(), next.begin(), next.end());
  }
  return result;
}

void OracleLayer::clear_gradients() {
  for (const Binding& binding : bindings_) {
    binding.value.clear_gradient();
    for (const auto& [tensor, at] : binding.places) tensor.clear_gradient();
    for (const Tensor& piece : binding.further) piece.clear_gradient();
  }
}

void OracleLayer::compare_gradients(const std::string& prefix) {
  std::vector<double> parts;
  for (const Binding& binding : bindings_) {
    const std::vector<double> part = gradient_of(binding);
    if (binding.of_row == 0) parts.clear();
    parts.insert(parts.end(), part.begin(), part.end());
    if (const std::string name = prefix + "params/" + binding.stored;
        binding.last && oracle_.has(name))
      oracle_.compare(name, parts);
  }
}

void OracleLayer::check_output(const std::function<Tensor(const Tensor&)>& forward) {
  clear_gradients();
  const Tensor x = input();
  x.set_wants_gradient(true);
  const Tensor dy = input("dy");
  Tape tape;
  const Tape::Scope scope(&tape);
  const Tensor y = forward(x);
  oracle_.compare("y", y);
  if (!oracle_.has("grad/x")) return;
  tape.backward(y, dy);
  oracle_.compare("grad/x", gradient_or_zeros(x));
  compare_gradients("grad/");
}

void OracleLayer::check_loss(const std::string& name,
                             const std::function<Tensor(const Tensor&)>& loss) {
  clear_gradients();
  const Tensor x = input();
  x.set_wants_gradient(true);
  Tape tape;
  const Tape::Scope scope(&tape);
  const Tensor value = loss(x);
  oracle_.compare("aux/" + name, value);
  tape.backward(value);
  oracle_.compare("grad_aux/" + name + "/x", gradient_or_zeros(x));
  compare_gradients("grad_aux/" + name + "/");
}

void OracleLayer::check_loss(const std::string& name, const std::vector<std::string>& parts) {
  check_loss(name, [&](const Tensor& x) {
    const Routing routing = route(x);
    Tensor total;
    for (const Loss& loss : routing.losses)
      if (std::find(parts.begin(), parts.end(), loss.name) != parts.end()) {
        const Tensor weighted = affine(loss.value, static_cast<real>(loss.weight));
        total = total ? add(total, weighted) : weighted;
      }
    if (!total) fail(Exit::internal, "the router has no loss " + parts.front());
    return total;
  });
}

}  // namespace moesim::testing
