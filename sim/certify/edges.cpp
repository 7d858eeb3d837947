// The item "edges" checks for finite outputs and gradients at sizes and values where formulas
// break.
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <exception>

namespace moesim::certificate {
namespace {

// Runs one difficult input; returns "" if the whole pass is finite.
std::string trouble(Specimen& specimen, const Batch& batch, bool training) {
  Tape tape;
  const std::vector<Leaf> all = leaves(specimen, batch);
  Pass pass;
  {
    const Tape::Scope scope(&tape);
    pass = specimen.forward(batch, {.training = training, .draw = 1});
  }
  if (pass.y.rows() != batch.x.rows()) return "the output has another number of rows";
  if (!finite(pass.y.to_host())) return "the output is not finite";
  for (const Loss& loss : pass.routing.losses)
    if (!finite(loss.value.to_host())) return "the " + loss.name + " loss is not finite";
  const Tensor dy = Tensor::full(pass.y.shape(), 1, specimen.backend());
  pull_back(tape, pass, dy, weights_of(pass.routing.losses), all);
  for (const Leaf& leaf : all)
    if (!finite(gradient_of(leaf.value))) return "the gradient of " + leaf.name + " is not finite";
  return {};
}

}  // namespace

Item check_edges(const Subject& subject) {
  Specimen specimen(subject, small_sites(subject.causal));
  const Site& site = specimen.site();
  struct Shape {
    const char* name;
    index batch, length;
  };
  int cases = 0;
  std::vector<std::string> failures;
  const auto attempt = [&](const std::string& name, const Batch& batch) {
    for (const bool training : {true, false}) {
      std::string what;
      try {
        what = trouble(specimen, batch, training);
      } catch (const std::exception& error) {
        what = error.what();
      }
      ++cases;
      if (!what.empty())
        failures.push_back(
            fmt::format("{}, {}: {}", name, training ? "training" : "evaluation", what));
    }
  };

  for (const Shape shape : {Shape{"one sequence", 1, site.length}, Shape{"length 1", site.batch, 1},
                            Shape{"one token", 1, 1}, Shape{"ragged groups", 3, 5},
                            Shape{"twice as long", 2, 2 * site.length}})
    attempt(shape.name, specimen.batch(1, shape.batch, shape.length));
  Batch batch = specimen.batch(1);
  std::vector<real> equal = batch.x.to_host();
  const auto width = static_cast<std::size_t>(site.width);
  for (std::size_t i = width; i < equal.size(); ++i) equal[i] = equal[i % width];
  batch.x.from_host(equal);
  attempt("equal tokens", batch);
  batch.x.from_host(std::vector<real>(equal.size(), 0));
  attempt("tokens of zeros", batch);
  // Perfectly balanced scores, as of a router initialised to zeros.
  batch = specimen.batch(1);
  for (const Parameter& p : specimen.router_parameters())
    p.value.from_host(std::vector<real>(
        static_cast<std::size_t>(p.value.size()),
        p.init.kind == Init::Kind::constant ? static_cast<real>(p.init.value) : real{0}));
  attempt("balanced scores", batch);

  if (!failures.empty()) return {{}, Verdict::fail, joined(failures, "; ")};
  return {{}, Verdict::pass, fmt::format("{} finite", cases)};
}

}  // namespace moesim::certificate
