#include "sim/moe/certificate_specimen.hpp"

#include "sim/moe/layer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

namespace moesim::certificate {
namespace {

constexpr index kHidden = 5;
constexpr double kExpertSpread = 0.5;

void set_all(Settings& settings, const std::string& section, const std::string& text) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos)
      fail(Exit::usage, "settings of " + section + ": expected key=value, not '" + word + "'");
    settings.set(section + "." + word.substr(0, equals), word.substr(equals + 1), "settings");
  }
}

}  // namespace

Site small_site(bool causal) {
  return {.width = 6,
          .experts = 4,
          .batch = 4,
          .length = 8,
          .causal = causal,
          .layer = 0,
          .vocabulary = 11,
          .unigram = {90, 70, 50, 40, 30, 20, 10, 5, 2, 1, 0}};
}

Site large_site(bool causal) {
  Site site = small_site(causal);
  site.width = 50, site.batch = 8, site.length = 96;
  return site;
}

Specimen::Specimen(const Subject& subject, const Site& site) : site_(site) {
  Settings settings;
  const std::string router_section = "router." + subject.router;
  const std::string expert_section = "expert." + subject.expert;
  set_all(settings, router_section, subject.settings);
  set_all(settings, expert_section, subject.expert_settings);
  Options router_options(settings, router_section), expert_options(settings, expert_section);
  const Router::Make& make =
      subject.make ? subject.make : Registry<Router>::find(subject.router).make;
  router_ = make(site, router_options);
  for (const auto& [key, info] : settings.declared()) options_.push_back(info);
  const ExpertSite expert_site{.width = site.width,
                               .experts = router_->experts(),
                               .hidden = kHidden * router_->width_factor()};
  expert_ = Registry<Expert>::find(subject.expert).make(expert_site, expert_options);
  settings.check_all_read({{router_section, {}}, {expert_section, {}}});
  router_parameters_ = router_->parameters();
  expert_parameters_ = expert_->parameters();
  for (const auto* parameters : {&router_parameters_, &expert_parameters_})
    for (const Parameter& parameter : *parameters) parameter.value.allocate(backend_);
  randomise(0, 1);
}

void Specimen::randomise(std::uint64_t draw, double spread) {
  const auto fill = [&](const std::vector<Parameter>& parameters, const char* owner,
                        double deviation) {
    for (const Parameter& parameter : parameters) {
      std::vector<real> values =
          normals(draw, owner + parameter.name, parameter.value.size(), deviation);
      if (parameter.init.kind == Init::Kind::constant)
        for (real& value : values) value += static_cast<real>(parameter.init.value);
      parameter.value.from_host(values);
    }
  };
  fill(router_parameters_, "router.", spread);
  fill(expert_parameters_, "expert.", kExpertSpread);
}

Batch Specimen::batch(std::uint64_t draw, index sequences, index length, double common) {
  const index tokens = sequences * length, width = site_.width;
  std::vector<real> x = normals(draw, "x", tokens * width, 1);
  const std::vector<real> direction = normals(draw, "common", width, common);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += direction[i % direction.size()];
  Batch batch{Tensor::of({tokens, width}, x, backend_), {}, sequences, length};
  batch.x.set_wants_gradient(true);
  if (site_.vocabulary == 0) return batch;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  const Stream stream{draw, Purpose::data, 0, 0};
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>(
        random_below(stream, i, static_cast<std::uint64_t>(site_.vocabulary)));
  batch.ids = Indices::of(ids, backend_);
  return batch;
}

Routing Specimen::route(const Batch& batch, Mode mode,
                        std::function<Tensor(Purpose, Shape)> given) {
  Context context;
  context.training = mode.training;
  context.seed = mode.draw;
  context.given = std::move(given);
  return router_->route({batch.x, batch.batch, batch.length, batch.ids, context});
}

Pass Specimen::forward(const Batch& batch, Mode mode) { return forward(batch, mode, {}); }

Pass Specimen::forward(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given) {
  Pass pass{route(batch, mode, std::move(given)), {}};
  pass.y = execute(pass.routing, batch.x, *expert_);
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
  for (const Loss& loss : losses) weights.push_back(loss.weight);
  return weights;
}

double largest(const std::vector<real>& values) {
  double most = 0;
  for (const real value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

double difference(const real* a, const real* b, index n) {
  if (std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(real)) == 0) return 0;
  double most = std::numeric_limits<double>::denorm_min();  // 0 and -0 differ
  for (index i = 0; i < n; ++i) {
    const double change = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = std::isnan(change) ? std::numeric_limits<double>::infinity() : std::max(most, change);
  }
  return most;
}

bool finite(const std::vector<real>& values) {
  return std::all_of(values.begin(), values.end(), [](real v) { return std::isfinite(v); });
}

}  // namespace moesim::certificate
