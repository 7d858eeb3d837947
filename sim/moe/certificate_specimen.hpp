// A router and experts on a small site, with everything about them drawn at random: what the checks
// of a certificate run on. Internal to sim/moe/certificate*.cpp.
#pragma once

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/core/tape.hpp"
#include "sim/moe/certificate.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace moesim::certificate {

inline constexpr bool kDouble = std::is_same_v<real, double>;

// The width is no multiple of the number of experts, so that an axis of experts is told by its
// size.
Site small_site(bool causal);
// Large enough for kernels to cut their work into several tiles.
Site large_site(bool causal);

struct Batch {
  Tensor x;     // [batch·length, D]
  Indices ids;  // empty where the site has no vocabulary
  index batch = 0, length = 0;
};

struct Mode {
  bool training = true;
  std::uint64_t draw = 0;  // of the random numbers of the pass
};

struct Pass {
  Routing routing;
  Tensor y;
};

class Specimen {
 public:
  Specimen(const Subject& subject, const Site& site);

  // Values of every parameter: its constant initial value plus noise, so that no path is hidden by
  // a start at zero. `spread`: the deviation of the router's; large ones make skewed loads.
  void randomise(std::uint64_t draw, double spread);
  // Tokens that share `common` times one random direction, which skews the load as well.
  Batch batch(std::uint64_t draw, index sequences, index length, double common = 0);
  Batch batch(std::uint64_t draw, double common = 0) {
    return batch(draw, site_.batch, site_.length, common);
  }

  // The decision alone: what executes a plan takes its numbers on trust.
  Routing route(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given = {});
  Pass forward(const Batch& batch, Mode mode);
  // The same with draws for the router given from outside (see Context::given).
  Pass forward(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given);

  const Site& site() const { return site_; }
  CpuBackend& backend() { return backend_; }
  Router& router() { return *router_; }
  const std::vector<Parameter>& router_parameters() const { return router_parameters_; }
  const std::vector<Parameter>& expert_parameters() const { return expert_parameters_; }
  const std::vector<OptionInfo>& options() const { return options_; }

 private:
  CpuBackend backend_{1};  // before all that holds its memory
  Site site_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Expert> expert_;
  std::vector<Parameter> router_parameters_, expert_parameters_;
  std::vector<OptionInfo> options_;
};

// Standard normal number i of the stream of that name.
double normal(std::uint64_t draw, std::string_view name, std::uint64_t i);
std::vector<real> normals(std::uint64_t draw, std::string_view name, index size, double deviation);

// What is differentiated: parameters of router and experts, and the tokens.
struct Leaf {
  std::string name;
  Tensor value;
};
std::vector<Leaf> leaves(const Specimen& specimen, const Batch& batch);

// Adds d(Σ y ⊙ dy) (dy empty: nothing) and weights[i] · d(loss i) to the gradients of the leaves,
// cleared before. Needs a pass made under `tape`.
void pull_back(Tape& tape, const Pass& pass, const Tensor& dy, const std::vector<real>& weights,
               const std::vector<Leaf>& leaves);
// Zeros where none has arrived.
std::vector<real> gradient_of(const Tensor& leaf);
std::vector<real> weights_of(const std::vector<Loss>& losses);

double largest(const std::vector<real>& values);  // of the absolute values
// Largest absolute difference; 0 only for the same bits.
double difference(const real* a, const real* b, index n);
bool finite(const std::vector<real>& values);

// The checks, one per item (gradient_error and the fields of `sees` are set as well).
Item check_gradient(const Subject& subject, Certificate& certificate);
Item check_paths(const Subject& subject);
Item check_sees(const Subject& subject, Certificate& certificate);
Item check_conservation(const Subject& subject);
Item check_equivariance(const Subject& subject);
Item check_threads(const Subject& subject);
Item check_edges(const Subject& subject);

}  // namespace moesim::certificate
