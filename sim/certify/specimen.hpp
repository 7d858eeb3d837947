// Specimen is a router and experts on a small site with random parameters and tokens: the fixture
// of a router's certificate. Internal to sim/certify.
#pragma once

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/certify/site.hpp"
#include "sim/core/tape.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace moesim::certificate {

inline constexpr bool kDouble = sizeof(real) == sizeof(double);
// A gradient of this relative size is zero but for rounding.
inline constexpr double kZeroGradient = kDouble ? 1e-12 : 1e-5;

struct Batch {
  Tensor x;     // [batch·length, D]
  Indices ids;  // empty if the site has no vocabulary
  index batch = 0, length = 0;
  Indices domains = {};  // of examples of up to three tokens
};

struct Mode {
  bool training = true;
  std::uint64_t draw = 0;  // seed of the pass
};

struct Pass {
  Routing routing;
  Tensor y;
};

struct MicroBatch {
  Batch batch;
  std::uint64_t draw = 0;  // seed of its pass
};

class Specimen {
 public:
  Specimen(const Subject& subject, const Sites& sites);

  // Draws every parameter: its constant initial value plus noise, so that no path is hidden by
  // zeros. spread: deviation of the router's parameters; large values give skewed loads. Buffers
  // keep their initial values, then draw % 4 steps of training change the router's.
  void randomise(std::uint64_t draw, double spread);
  // Random tokens plus `common` times one random direction, which skews the load.
  Batch batch(std::uint64_t draw, index sequences, index length, double common = 0);
  Batch batch(std::uint64_t draw, double common = 0) {
    return batch(draw, site_.batch, site_.length, common);
  }

  // One training step, as the trainer runs it: routes these micro-batches, sums their loads and
  // calls after_step(). The model has this MoE layer only.
  void step(const std::vector<MicroBatch>& parts);
  // Calls route() only, without executing the plan, which may be malformed.
  Routing route(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given = {});
  Pass forward(const Batch& batch, Mode mode);
  // With given draws of the router (Context::given).
  Pass forward(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given);

  // The batch as a router gets it.
  static Tokens tokens(const Batch& batch, Context& context);

  const Site& site() const { return site_; }
  CpuBackend& backend() { return backend_; }
  Router& router() { return *made_.router; }
  index experts() const { return made_.expert_site.experts; }
  const std::vector<Parameter>& router_parameters() const { return router_parameters_; }
  const std::vector<Parameter>& expert_parameters() const { return expert_parameters_; }
  const std::vector<Parameter>& router_buffers() const { return router_buffers_; }
  const std::vector<Parameter>& expert_buffers() const { return expert_buffers_; }

 private:
  CpuBackend backend_{1};  // first member: it owns the memory of the others
  Made made_;
  const Site& site_ = made_.site;
  // Parameters without frozen ones, which experts may share.
  std::vector<Parameter> router_parameters_, expert_parameters_, expert_frozen_;
  std::vector<Parameter> router_buffers_, expert_buffers_;
};

// Sets each to its constant initial value plus noise of this deviation.
void draw_values(const std::vector<Parameter>& parameters, const std::string& owner,
                 std::uint64_t draw, double deviation);

// Standard normal draw i of the stream with this name.
double normal(std::uint64_t draw, std::string_view name, std::uint64_t i);
std::vector<real> normals(std::uint64_t draw, std::string_view name, index size, double deviation);

// Leaf is a tensor to differentiate by: a parameter of router or experts, or the tokens.
struct Leaf {
  std::string name;
  Tensor value;
};
std::vector<Leaf> leaves(const Specimen& specimen, const Batch& batch);

// Deviation of the experts' parameters.
inline constexpr double kExpertSpread = 0.5;

// Step of central differences, and tolerance of their difference from the analytic gradient.
inline constexpr double kStep = 1e-5;       // times max(1, |value|)
inline constexpr double kTolerance = 1e-6;  // relative
// Tests every n-th value of large tensors, about two thousand in all.
inline index stride(const Tensor& leaf) { return 1 + leaf.size() / 2048; }
// The largest difference between analytic and numeric derivatives.
struct Worst {
  double error = 0;
  std::string where;
};
void compare(Worst& worst, double analytic, double numeric, const std::string& where);
Item item_of(const Worst& worst);
// The item of float builds, which do not measure derivatives.
Item derivatives_not_measured();

// Adds d(Σ y ⊙ dy) (dy empty: nothing) and weights[i] · d(loss i) to the cleared gradients of the
// leaves. Requires a pass recorded on `tape`.
void pull_back(Tape& tape, const Pass& pass, const Tensor& dy, const std::vector<real>& weights,
               const std::vector<Leaf>& leaves);
// The gradient of a leaf; zeros if there is none.
std::vector<real> gradient_of(const Tensor& leaf);
std::vector<real> weights_of(const std::vector<Loss>& losses);

double largest(const std::vector<real>& values);  // of the absolute values
// Largest absolute difference; 0 only for identical bits.
double difference(const real* a, const real* b, index n);
bool finite(const std::vector<real>& values);

// Checks runs a list of named checks; each yields an item, and an exception is a failure. After a
// failed `required` check the others are skipped: they would repeat the failure, or rely on invalid
// numbers.
class Checks {
 public:
  explicit Checks(std::vector<Item>& items) : items_(items) {}
  void add(const char* name, bool required, const std::function<Item()>& check);

 private:
  std::vector<Item>& items_;
  std::string failed_;  // name of the required check that failed
};

// One check per item (gradient_error and the fields of `sees` are set as well).
Item check_state(const Subject& subject);
Item check_gradient(const Subject& subject, Certificate& certificate);
Item check_paths(const Subject& subject);
Item check_sees(const Subject& subject, Certificate& certificate);
Item check_conservation(const Subject& subject);
Item check_equivariance(const Subject& subject);
Item check_threads(const Subject& subject);
Item check_edges(const Subject& subject);

}  // namespace moesim::certificate
