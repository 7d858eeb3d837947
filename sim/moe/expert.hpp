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
#include <string_view>

namespace moesim {

// ExpertSite is the place of a bank of experts in the model.
struct ExpertSite {
  index width = 0;    // D
  index experts = 0;  // E
  index hidden = 0;   // H
  // Factor on the initial deviation of what is added to the residual stream.
  double output_scale = 1;
  double dropout = 0;  // rate of dropout on hidden values, in training
  index bank = 0;      // which bank of its layer it is: each draws its own dropout
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

// HiddenUnits says which parameters of a bank belong to the hidden units of an expert, so that an
// expert can be cut into pieces, or made of others (sim/train/upcycle.hpp).
struct HiddenUnits {
  // Unit j is column j of matrices into the hidden layer [E, in, H], value j of their biases and of
  // factors [E, H], and row j of the matrix out of it [E, H, out]. An output bias [E, out], and a
  // matrix of a network without hidden layer [E, in, out], have no axis of units.
  enum class Role { in, in_bias, factor, out, out_bias, whole };
  struct Part {
    std::string name;  // of the parameter
    Role role;
  };
  std::vector<Part> parts = {};  // all parameters; empty: not known
  // Number of linear layers whose weights are factors of the output. With a homogeneous activation,
  // weights times c give the output times c^factors.
  int factors = 2;

  bool any() const;  // true if there is an axis of units
};

// Expert is the interface of an expert plug-in.
class Expert : public Module {
 public:
  using Make = std::function<std::unique_ptr<Expert>(const ExpertSite&, Options&)>;
  explicit Expert(const ExpertSite& site) : site_(site) {}
  ~Expert() override;

  // Runs every row through its expert. Changes no state. [N, D] -> [N, D]
  virtual Tensor forward(const Rows& rows) const = 0;
  // Forward FLOPs of one row.
  virtual double flops_per_row() const = 0;

  // Which parameters belong to hidden units. Experts that say so apply drop() to the units' values.
  virtual HiddenUnits hidden_units() const;
  // Experts that adapt a frozen network: which of their parameters [in, out] are matrices of a network
  // [1, in, out], and their names in it (sim/train/adapter.hpp).
  struct Adapted {
    std::string name, of;
  };
  virtual std::vector<Adapted> adapted() const;
  // True if it mixes the tokens of a sequence, as attention does (Rows::tokens). moe.at = attention
  // requires such experts.
  virtual bool attends() const { return false; }
  // Number of values per row that a training pass keeps for backward: input, output, and
  // intermediates, estimated by the width of the products (2 D FLOPs for each value).
  virtual double kept_values_per_row() const;

  // forward(), timed as Part::experts.
  Tensor apply(const Rows& rows) const;
  const ExpertSite& site() const { return site_; }
  index experts() const { return site_.experts; }
  // Number of trained parameter values of one expert. Frozen ones may be shared by all experts.
  index parameters_per_expert() const;

 protected:
  // Dropout of hidden values, in training (ExpertSite::dropout). The draws of a row depend on its
  // token and expert, and not on the position of the row. [N, H] -> [N, H]
  Tensor drop(const Rows& rows, const Tensor& hidden) const;

 private:
  ExpertSite site_;
};

extern template class Registry<Expert>;
extern template struct Registered<Expert>;

void register_expert(std::string_view name, std::string_view summary,
                     std::unique_ptr<Expert> (*make)(const ExpertSite&, Options&));

// RegisterExpert registers an expert class. At namespace scope:
//   const RegisterExpert<Mlp> mlp("mlp", "one sentence");
template <class E>
struct RegisterExpert {
  RegisterExpert(std::string_view name, std::string_view summary) {
    register_expert(name, summary, make);
  }
  static std::unique_ptr<Expert> make(const ExpertSite& site, Options& options) {
    return std::make_unique<E>(site, options);
  }
};

}  // namespace moesim
