// Builds registered routers and experts.
#include "tests/support/plugin.hpp"

#include "sim/core/error.hpp"
#include "tests/support/device.hpp"

namespace moesim::testing {
namespace {

template <class T, class Where>
auto make(const std::string& section, const std::string& name, const Where& where,
          const OptionValues& values) {
  Settings settings;
  const std::string full = section + "." + name;
  for (const auto& [key, value] : values) settings.set(full + "." + key, value, "test");
  Options options(settings, full);
  auto made = Registry<T>::find(name).make(where, options);
  settings.check_all_read();
  return made;
}

void draw(const Module& module, std::uint32_t key) {
  for (const Parameter& parameter : module.parameters()) {
    parameter.value.allocate(test_backend());
    parameter.value.from_host(normal_values(parameter.value.size(), key++));
  }
  initialise(module.buffers(), test_backend(), key);
}

}  // namespace

std::unique_ptr<Router> make_router(const std::string& name, const Site& site,
                                    const OptionValues& options) {
  return make<Router>("router", name, site, options);
}

std::unique_ptr<Expert> make_expert(const std::string& name, const ExpertSite& site,
                                    const OptionValues& options) {
  return make<Expert>("expert", name, site, options);
}

Tensor parameter_of(const Module& module, const std::string& name) {
  for (const Parameter& parameter : module.parameters())
    if (parameter.name == name) return parameter.value;
  fail(Exit::internal, "there is no parameter " + name);
}

Backend& test_backend() {
  static const std::unique_ptr<Backend> backend = make_test_backend(0);
  return *backend;
}

std::vector<double> host(const Tensor& tensor) {
  const std::vector<real> values = tensor.to_host();
  return {values.begin(), values.end()};
}

std::vector<real> normal_values(index count, std::uint32_t key) {
  std::vector<real> values;
  for (index i = 0; i < count; ++i)
    values.push_back(static_cast<real>(
        random_normal({7, Purpose::synthetic, key, 0}, static_cast<std::uint64_t>(i))));
  return values;
}

TinyLayer::TinyLayer(const Site& at, const std::string& router_name, const OptionValues& options,
                     const std::string& expert_name, index hidden,
                     const OptionValues& expert_options)
    : site(at) {
  router = make_router(router_name, site, options);
  expert = make_expert(expert_name,
                       {.width = site.width,
                        .experts = router->traits().experts,
                        .hidden = hidden * router->traits().width_factor},
                       expert_options);
  draw(*router, 100);
  draw(*expert, 200);
}

void TinyLayer::set(const std::string& parameter, const std::vector<real>& values) {
  parameter_of(*router, parameter).from_host(values);
}

void TinyLayer::set_expert(const std::string& parameter, const std::vector<real>& values) {
  parameter_of(*expert, parameter).from_host(values);
}

Tensor TinyLayer::input(std::uint32_t key) const {
  const index T = site.batch * site.length;
  return Tensor::of({T, site.width}, normal_values(T * site.width, key), test_backend());
}

Tokens TinyLayer::tokens(const Tensor& x) {
  return tokens_of(x, site.batch, site.length, {}, context);
}

Tensor TinyLayer::apply_expert(index e, const Tensor& x) const {
  std::vector<std::int32_t> offset(static_cast<std::size_t>(expert->experts()) + 1, 0);
  for (auto i = static_cast<std::size_t>(e) + 1; i < offset.size(); ++i)
    offset[i] = static_cast<std::int32_t>(x.rows());
  return expert->apply({.x = x, .segments = {Indices::of(offset, test_backend()), x.rows()}});
}

}  // namespace moesim::testing
