// Expert is a bank of E networks with stacked parameters [E, ...]: the interface of plug-ins in
// experts/.
#pragma once

#include "sim/config/options.hpp"
#include "sim/config/registry.hpp"
#include "sim/moe/routing.hpp"
#include "sim/nn/module.hpp"

#include <functional>
#include <memory>
#include <string>

namespace moesim {

struct ExpertSite {
  index width = 0;    // D
  index experts = 0;  // E
  index hidden = 0;   // H
  double output_scale =
      1;  // factor on the initial deviation of what is added to the residual stream
};

// Rows are the input of experts: sorted by expert, with the tokens that they come from.
struct Rows {
  Tensor x;  // [N, D]
  Segments segments;
  Tensor merge = {};   // [segments, E]: segment s uses Σ_e merge[s, e] W_e; empty: segment e uses
                       // expert e
  Indices token = {};  // [N] token of each row, -1: padding; empty: row i is token i
  const Tokens* tokens = nullptr;  // all tokens of the layer; null: rows are mixtures of tokens

  // The same rows with other values.
  Rows with(const Tensor& values) const { return {values, segments, merge, token, tokens}; }
};

// act(x · w + bias) for every row, with the weights of its expert or merged ones. w [E, in, out],
// bias [E, out] or empty. -> [N, out]
Tensor grouped_linear(const Rows& rows, const Tensor& w, const Tensor& bias,
                      Activation activation = Activation::none);

class Expert : public Module {
 public:
  using Make = std::function<std::unique_ptr<Expert>(const ExpertSite&, Options&)>;
  explicit Expert(const ExpertSite& site) : site_(site) {}

  // Runs every row through its expert. Changes no state. [N, D] -> [N, D]
  virtual Tensor forward(const Rows& rows) const = 0;
  // Forward FLOPs of one row.
  virtual double flops_per_row() const = 0;

  // True if it mixes the tokens of a sequence, as attention does (Rows::tokens). moe.at = attention
  // requires such experts.
  virtual bool attends() const { return false; }
  // Number of values per row that a training pass keeps for backward: input, output, and
  // intermediates, estimated by the width of the products (2 D FLOPs for each value).
  virtual double kept_values_per_row() const {
    const auto D = static_cast<double>(site_.width);
    return 2 * D + flops_per_row() / (2 * D);
  }

  // forward(), timed as Part::experts.
  Tensor apply(const Rows& rows) const;
  const ExpertSite& site() const { return site_; }
  index experts() const { return site_.experts; }
  // Number of parameter values of one expert, without frozen ones, which experts may share.
  index parameters_per_expert() const;

 private:
  ExpertSite site_;
};

// RegisterExpert registers an expert class. At namespace scope:
//   const RegisterExpert<Mlp> mlp("mlp", "one sentence");
template <class E>
struct RegisterExpert {
  RegisterExpert(const std::string& name, const std::string& summary) {
    const Registered<Expert> plugin(name, summary, [](const ExpertSite& site, Options& options) {
      return std::make_unique<E>(site, options);
    });
  }
};

}  // namespace moesim
