// A router and experts on a small site, with everything about them drawn at random: what the checks
// of a certificate run on. Internal to sim/moe/certificate*.cpp.
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

inline constexpr bool kDouble = std::is_same_v<real, double>;

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

struct MicroBatch {
  Batch batch;
  std::uint64_t draw = 0;  // of the random numbers of its pass
};

class Specimen {
 public:
  Specimen(const Subject& subject, const Sites& sites);

  // Values of every parameter: its constant initial value plus noise, so that no path is hidden by
  // a start at zero. `spread`: the deviation of the router's; large ones make skewed loads. Buffers
  // start as declared; draw % 4 steps of training bring the router's to a state of its own.
  void randomise(std::uint64_t draw, double spread);
  // Tokens that share `common` times one random direction, which skews the load as well.
  Batch batch(std::uint64_t draw, index sequences, index length, double common = 0);
  Batch batch(std::uint64_t draw, double common = 0) {
    return batch(draw, site_.batch, site_.length, common);
  }

  // A step of training, as the trainer makes it: routes these micro-batches, counts their loads and
  // calls after_step(). The layer is the only one of its model.
  void step(const std::vector<MicroBatch>& parts);
  // The decision alone: what executes a plan takes its numbers on trust.
  Routing route(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given = {});
  Pass forward(const Batch& batch, Mode mode);
  // The same with draws for the router given from outside (see Context::given).
  Pass forward(const Batch& batch, Mode mode, std::function<Tensor(Purpose, Shape)> given);

  const Site& site() const { return site_; }
  CpuBackend& backend() { return backend_; }
  Router& router() { return *made_.router; }
  index experts() const { return made_.expert_site.experts; }
  const std::vector<Parameter>& router_parameters() const { return router_parameters_; }
  const std::vector<Parameter>& expert_parameters() const { return expert_parameters_; }
  const std::vector<Parameter>& router_buffers() const { return router_buffers_; }
  const std::vector<Parameter>& expert_buffers() const { return expert_buffers_; }

 private:
  CpuBackend backend_{1};  // before all that holds its memory
  Made made_;
  const Site& site_ = made_.site;
  std::vector<Parameter> router_parameters_, expert_parameters_, router_buffers_, expert_buffers_;
};

// Draws values for each: its constant initial value plus noise of this deviation.
void draw_values(const std::vector<Parameter>& parameters, const std::string& owner,
                 std::uint64_t draw, double deviation);

// Standard normal number i of the stream of that name.
double normal(std::uint64_t draw, std::string_view name, std::uint64_t i);
std::vector<real> normals(std::uint64_t draw, std::string_view name, index size, double deviation);

// What is differentiated: parameters of router and experts, and the tokens.
struct Leaf {
  std::string name;
  Tensor value;
};
std::vector<Leaf> leaves(const Specimen& specimen, const Batch& batch);

// The deviation of the values of experts.
inline constexpr double kExpertSpread = 0.5;

// Of central differences, and what they may be off the analytic gradient.
inline constexpr double kStep = 1e-5;       // times max(1, |value|)
inline constexpr double kTolerance = 1e-6;  // relative
// Of a large tensor about two thousand values are tried, one in so many.
inline index stride(const Tensor& leaf) { return 1 + leaf.size() / 2048; }
// The largest difference between analytic and numeric derivatives.
struct Worst {
  double error = 0;
  std::string where;
};
void compare(Worst& worst, double analytic, double numeric, const std::string& where);
Item item_of(const Worst& worst);
// For builds in float.
Item derivatives_not_measured();

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

// What names are followed by, where a list of checks is run: each gives an item, a check that
// throws a failure. After a failure of one that is `required` nothing else is run, since the others
// would stumble over the same mistake, or take numbers on trust that are wrong.
class Checks {
 public:
  explicit Checks(std::vector<Item>& items) : items_(items) {}
  void add(const char* name, bool required, const std::function<Item()>& check);

 private:
  std::vector<Item>& items_;
  std::string failed_;  // the required one that failed
};

// The checks, one per item (gradient_error and the fields of `sees` are set as well).
Item check_state(const Subject& subject);
Item check_gradient(const Subject& subject, Certificate& certificate);
Item check_paths(const Subject& subject);
Item check_sees(const Subject& subject, Certificate& certificate);
Item check_conservation(const Subject& subject);
Item check_equivariance(const Subject& subject);
Item check_threads(const Subject& subject);
Item check_edges(const Subject& subject);

}  // namespace moesim::certificate
