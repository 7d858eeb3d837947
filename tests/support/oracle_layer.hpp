// Builds a router and experts with the settings and parameters of an oracle file, and compares
// their results with it.
#pragma once

#include "tests/support/oracle.hpp"
#include "tests/support/oracle_routing.hpp"
#include "tests/support/plugin.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim::testing {

// The text of an option.
std::string option(double value);

class OracleLayer {
 public:
  // Takes batch, seq, d_model and num_experts (or the product of num_experts_outer and
  // num_experts_inner; else 1) from the file.
  explicit OracleLayer(Oracle& oracle, bool causal = false);

  Oracle& oracle() { return oracle_; }
  Site site;
  Context context;
  Tensor importance = {};  // Tokens::importance

  void make_router(const std::string& name, const OptionValues& options);
  void make_expert(const std::string& name, index hidden, const OptionValues& options = {});
  Router& router() { return *router_; }

  // The stored array params/<stored> is this parameter, turned by its layout; or the e-th of E
  // equal pieces of it.
  void bind_router(const std::string& stored, const std::string& parameter);
  void bind_expert(const std::string& stored, const std::string& parameter);
  // The same for an array [out, in] whose layout does not say so, and for one that is to stay as it
  // is stored.
  void bind_router_turned(const std::string& stored, const std::string& parameter);
  void bind_expert_as_stored(const std::string& stored, const std::string& parameter);
  // Piece i of the stored array is the i-th of these parameters.
  void bind_router_pieces(const std::string& stored, const std::vector<std::string>& parameters);
  // The place of every stored value, by its indices, in a parameter.
  using Place = std::pair<Tensor, index>;
  void bind_places(const std::string& stored,
                   const std::function<Place(const std::vector<index>& at)>& place);
  // params/experts/<e>/<stored> for every expert e. `turned`: it is [out, in], whatever its layout
  // says.
  void bind_each_expert(const std::string& stored, const std::string& parameter,
                        bool turned = false);
  // The same where the stored rows, turned, are those of several parameters, one after the other.
  void bind_expert_parts(const std::string& stored, const std::vector<std::string>& parameters);
  // The stored value is the exponential of the parameter.
  void bind_log(const std::string& stored, const std::string& parameter);
  // A parameter outside router and experts; its values come from the file.
  Tensor bind_own(const std::string& stored);

  Tokens tokens(const Tensor& x) {
    Tokens all = tokens_of(x, site.batch, site.length, {}, context);
    all.importance = importance;
    return all;
  }
  Routing route(const Tensor& x) { return router_->route(tokens(x)); }
  Tensor run(const Tensor& x) { return execute(route(x), tokens(x), *expert_); }
  const Expert& expert() const { return *expert_; }

  // Forward from x, backward from dy: y and every gradient that is stored.
  void check_output(const std::function<Tensor(const Tensor& x)>& forward);
  void check_output() {
    check_output([this](const Tensor& x) { return run(x); });
  }
  // The same for a loss of one value: aux/<name>, grad_aux/<name>.
  void check_loss(const std::string& name, const std::function<Tensor(const Tensor& x)>& loss);
  // The sum of these losses of the router, each with its weight.
  void check_loss(const std::string& name, const std::vector<std::string>& parts);

  Tensor input(const std::string& array = "x");
  Backend& backend() { return test_backend(); }

 private:
  struct Binding {
    std::string stored;  // below params/
    Tensor value = {};
    std::vector<Tensor> further = {};     // of the stored array's next pieces
    index first = 0, rows = 0, cols = 0;  // where in value; as stored
    bool turned = false, logarithm = false;
    index of_row = 0;                // rows before it in the stored array, if it is a part of that
    bool last = true;                // the last part
    std::vector<Place> places = {};  // of every value; else by the fields above
  };
  enum class Turned { by_layout, yes, no };
  void bind(const std::string& stored, const Tensor& value, index piece, index pieces,
            bool logarithm = false, Turned turned = Turned::by_layout);
  std::vector<double> gradient_of(const Binding& binding) const;
  void clear_gradients();
  void compare_gradients(const std::string& prefix);

  Oracle& oracle_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Expert> expert_;
  std::vector<Binding> bindings_;
};

// The gradient of a tensor, zeros where none has arrived.
std::vector<double> gradient_or_zeros(const Tensor& tensor);

}  // namespace moesim::testing
