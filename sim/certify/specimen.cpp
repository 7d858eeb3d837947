#include "sim/certify/specimen.hpp"

#include "sim/core/out_of_memory.hpp"
#include "sim/moe/layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>

namespace moesim::certificate {

Specimen::Specimen(const Subject& subject, const Sites& sites) : made_(make(subject, sites)) {
  router_parameters_ = made_.router->parameters();
  for (const Parameter& parameter : made_.expert->parameters())
    (parameter.frozen ? expert_frozen_ : expert_parameters_).push_back(parameter);
  router_buffers_ = made_.router->buffers();
  expert_buffers_ = made_.expert->buffers();
  for (const auto* parameters : {&router_parameters_, &expert_parameters_, &expert_frozen_})
    for (const Parameter& parameter : *parameters) parameter.value.allocate(backend_);
  randomise(0, 1);
}

void draw_values(const std::vector<Parameter>& parameters, const std::string& owner,
                 std::uint64_t draw, double deviation) {
  for (const Parameter& parameter : parameters) {
    std::vector<real> values =
        normals(draw, owner + parameter.name, parameter.value.size(), deviation);
    if (parameter.init.kind == Init::Kind::constant)
      for (real& value : values) value += static_cast<real>(parameter.init.value);
    parameter.value.from_host(values);
  }
}

void Specimen::randomise(std::uint64_t draw, double spread) {
  draw_values(router_parameters_, "router.", draw, spread);
  draw_values(expert_parameters_, "expert.", draw, kExpertSpread);
  draw_values(expert_frozen_, "expert.", draw, kExpertSpread);
  initialise(router_buffers_, backend_, draw);
  initialise(expert_buffers_, backend_, draw);
  if (router_buffers_.empty()) return;
  for (std::uint64_t i = 0; i < draw % 4; ++i) step({{batch(draw + i), draw + i}});
}

void Specimen::step(const std::vector<MicroBatch>& parts) {
  StepLoad load = no_load(router().traits(), backend_);
  // The experts run only for totals, which a custom plan may take from their outputs.
  const bool runs = !router().traits().totals.empty();
  for (const MicroBatch& part : parts) {
    const Mode mode{.training = true, .draw = part.draw};
    add(load, runs ? forward(part.batch, mode).routing : route(part.batch, mode),
        part.batch.x.rows());
  }
  router().after_step({&load, 1}, 0);
}

Batch Specimen::batch(std::uint64_t draw, index sequences, index length, double common) {
  const index tokens = sequences * length, width = site_.width;
  std::vector<real> x = normals(draw, "x", tokens * width, 1);
  const std::vector<real> direction = normals(draw, "common", width, common);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += direction[i % direction.size()];
  Batch batch{Tensor::of({tokens, width}, x, backend_), {}, sequences, length};
  batch.x.set_wants_gradient(true);
  std::vector<std::int32_t> domains;
  for (index row = 0; row < tokens; ++row)
    domains.push_back(static_cast<std::int32_t>(
        random_below({draw, Purpose::data, 0, 1},
                     static_cast<std::uint64_t>(row / length * length + row % length / 3),
                     static_cast<std::uint64_t>(site_.domains))));
  batch.domains = Indices::of(domains, backend_);
  if (site_.vocabulary == 0) return batch;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  const Stream stream{draw, Purpose::data, 0, 0};
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>(
        random_below(stream, i, static_cast<std::uint64_t>(site_.vocabulary)));
  batch.ids = Indices::of(ids, backend_);
  return batch;
}

namespace {

Context context_of(Mode mode, std::function<Tensor(Purpose, Shape)> given) {
  Context context;
  context.training = mode.training;
  context.seed = mode.draw;
  context.given = std::move(given);
  return context;
}

}  // namespace

Tokens Specimen::tokens(const Batch& batch, Context& context) {
  Tokens tokens = tokens_of(batch.x, batch.batch, batch.length, batch.ids, context);
  tokens.domain = batch.domains;
  return tokens;
}

Routing Specimen::route(const Batch& batch, Mode mode,
                        std::function<Tensor(Purpose, Shape)> given) {
  Context context = context_of(mode, std::move(given));
  return router().route(tokens(batch, context));
}

Pass Specimen::forward(const Batch& batch, Mode mode) { return forward(batch, mode, {}); }

Pass Specimen::forward(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given) {
  // A custom plan may refer to the context of its pass.
  Context context = context_of(mode, std::move(given)), none;
  Pass pass{router().route(tokens(batch, context)), {}};
  pass.y = execute(pass.routing, tokens(batch, none), *made_.expert);
  return pass;
}

double normal(std::uint64_t draw, std::string_view name, std::uint64_t i) {
  const std::uint64_t key = hash_name(name);
  return random_normal({draw, Purpose::evaluation, static_cast<std::uint32_t>(key),
                        static_cast<std::uint32_t>(key >> 32)},
                       i);
}

std::vector<real> normals(std::uint64_t draw, std::string_view name, index size, double deviation) {
  std::vector<real> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<real>(deviation * normal(draw, name, i));
  return values;
}

std::vector<Leaf> leaves(const Specimen& specimen, const Batch& batch) {
  std::vector<Leaf> all;
  for (const Parameter& p : specimen.router_parameters()) all.push_back({p.name, p.value});
  for (const Parameter& p : specimen.expert_parameters())
    all.push_back({"expert." + p.name, p.value});
  all.push_back({"x", batch.x});
  return all;
}

void pull_back(Tape& tape, const Pass& pass, const Tensor& dy, const std::vector<real>& weights,
               const std::vector<Leaf>& leaves) {
  for (const Leaf& leaf : leaves) leaf.value.clear_gradient();
  std::vector<std::pair<Tensor, Tensor>> roots;
  if (dy) roots.emplace_back(pass.y, dy);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] != 0)
      roots.emplace_back(pass.routing.losses[i].value,
                         Tensor::full({1}, weights[i], pass.y.backend()));
  tape.backward(roots);
}

std::vector<real> gradient_of(const Tensor& leaf) {
  if (leaf.has_gradient()) return leaf.gradient().to_host();
  return std::vector<real>(static_cast<std::size_t>(leaf.size()), 0);
}

std::vector<real> weights_of(const std::vector<Loss>& losses) {
  std::vector<real> weights;
  for (const Loss& loss : losses) weights.push_back(static_cast<real>(loss.weight));
  return weights;
}

void compare(Worst& worst, double analytic, double numeric, const std::string& where) {
  constexpr double kFloor = 1e-2;  // kTolerance · kFloor is the absolute error always allowed
  const double size = std::max({std::abs(analytic), std::abs(numeric), kFloor});
  const double error = std::abs(analytic - numeric) / size;
  // NaN counts as the largest error.
  if (std::isnan(worst.error) || error <= worst.error) return;
  worst = {error,
           fmt::format("{}: {:.6g} by the tape, {:.6g} by differences", where, analytic, numeric)};
}

Item item_of(const Worst& worst) {
  if (worst.error <= kTolerance) return {{}, Verdict::pass, fmt::format("{:.1e}", worst.error)};
  return {{}, Verdict::fail, fmt::format("error {:.1e} in {}", worst.error, worst.where)};
}

Item derivatives_not_measured() {
  return {{}, Verdict::incomplete, "not measured: derivatives need double; build moesim-f64"};
}

double largest(const std::vector<real>& values) {
  double most = 0;
  for (const real value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

double difference(const real* a, const real* b, index n) {
  if (std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(real)) == 0) return 0;
  double most = std::numeric_limits<double>::denorm_min();  // not 0: the bits of 0 and -0 differ
  for (index i = 0; i < n; ++i) {
    const double change = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = std::isnan(change) ? std::numeric_limits<double>::infinity() : std::max(most, change);
  }
  return most;
}

bool finite(const std::vector<real>& values) {
  return std::all_of(values.begin(), values.end(), [](real v) { return std::isfinite(v); });
}

void Checks::add(const char* name, bool required, const std::function<Item()>& check) {
  Item item{{}, Verdict::incomplete, "not run: " + failed_ + " fails"};
  try {
    if (failed_.empty()) item = check();
  } catch (const std::bad_alloc&) {
    throw;  // not the plug-in's fault
  } catch (const std::exception& error) {
    if (is_out_of_memory(error)) throw;
    item = {{}, Verdict::fail, error.what()};
  } catch (...) {
    item = {{}, Verdict::fail, "throws an object that is not a std::exception"};
  }
  item.name = name;
  if (required && item.verdict == Verdict::fail) failed_ = name;
  items_.push_back(std::move(item));
}

}  // namespace moesim::certificate
