// The interface of an expert bank: E feed-forward networks with stacked parameters [E, ...].
#pragma once

#include "sim/config/options.hpp"
#include "sim/config/registry.hpp"
#include "sim/moe/routing.hpp"
#include "sim/nn/module.hpp"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace moesim {

struct ExpertSite {
  index width = 0;    // D
  index experts = 0;  // E
  index hidden = 0;   // H
  double output_scale =
      1;  // factor on the initial deviation of what is added to the residual stream
};

class Expert : public Module {
 public:
  using Make = std::function<std::unique_ptr<Expert>(const ExpertSite&, Options&)>;

  // The stacked parameters, each [E, ...], in the order in which apply() wants them.
  virtual std::vector<Tensor> weights() const = 0;
  // Rows sorted by segment through the network whose stacked parameters are given: own ones, or
  // others of the same shapes. Pure; merging is in `segments`. rows [N, D] -> [N, D]
  virtual Tensor apply(const Tensor& rows, const Segments& segments,
                       std::span<const Tensor> weights) const = 0;
  // Forward FLOPs of one row.
  virtual double flops_per_row() const = 0;

  Tensor apply(const Tensor& rows, const Segments& segments) const;
  index experts() const { return weights().front().dim(0); }
  index parameters_per_expert() const;
};

}  // namespace moesim
