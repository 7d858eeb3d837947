// Builds registered routers and experts for tests, from options as text.
#pragma once

#include "sim/moe/layer.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moesim::testing {

using OptionValues = std::map<std::string, std::string>;

// Builds a plug-in; an option that it does not read is an error.
std::unique_ptr<Router> make_router(const std::string& name, const Site& site,
                                    const OptionValues& options = {});
std::unique_ptr<Expert> make_expert(const std::string& name, const ExpertSite& site,
                                    const OptionValues& options = {});

// The parameter of this name.
Tensor parameter_of(const Module& module, const std::string& name);

// Returns the backend shared by all tests (tests/support/device.hpp).
Backend& test_backend();

std::vector<double> host(const Tensor& tensor);
// Standard normal numbers, the same for the same key.
std::vector<real> normal_values(index count, std::uint32_t key);

// A router with a bank of experts, every parameter drawn from a standard normal distribution, and
// buffers as they start.
class TinyLayer {
 public:
  TinyLayer(const Site& site, const std::string& router, const OptionValues& options,
            const std::string& expert = "affine", index hidden = 0,
            const OptionValues& expert_options = {});

  Site site;
  Context context;
  std::unique_ptr<Router> router;
  std::unique_ptr<Expert> expert;

  void set(const std::string& parameter, const std::vector<real>& values);  // of the router
  void set_expert(const std::string& parameter, const std::vector<real>& values);
  Tensor input(std::uint32_t key = 1) const;  // [batch · length, width], normal
  Tokens tokens(const Tensor& x);             // batch and length from the site
  Routing route(const Tensor& x) { return router->route(tokens(x)); }
  Tensor run(const Tensor& x) { return execute(route(x), tokens(x), *expert); }
  Tensor apply_expert(index e, const Tensor& x) const;  // all rows through one expert
};

}  // namespace moesim::testing
