// The items "gradient" and "paths" of a router: derivatives are correct, and reach its parameters.
#include "sim/certify/specimen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim::certificate {
namespace {

// Threshold for a zero gradient, relative to the terms of the loss.

Tensor output_seed(Specimen& specimen, const Batch& batch) {
  const Shape shape{batch.x.rows(), specimen.site().width};
  return Tensor::of(shape, normals(5, "dy", shape.size(), 1), specimen.backend());
}

// The training loss, then every auxiliary loss alone.
std::vector<double> values_of(const Pass& pass, const std::vector<real>& dy) {
  std::vector<double> values{0};
  const std::vector<real> y = pass.y.to_host();
  for (std::size_t i = 0; i < y.size(); ++i)
    values[0] += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
  for (const Loss& loss : pass.routing.losses) {
    values.push_back(static_cast<double>(loss.value.item()));
    values[0] += loss.weight * values.back();
  }
  return values;
}

void check_mode(Specimen& specimen, Mode mode, Worst& worst) {
  const Batch batch = specimen.batch(mode.draw);
  const std::vector<Leaf> all = leaves(specimen, batch);
  const Tensor dy = output_seed(specimen, batch);
  const std::vector<real> dy_values = dy.to_host();
  Journal journal;
  journal.stops_values = specimen.router().traits().surrogate;

  // Analytic gradients, one pass per scalar: [scalar][leaf][entry]
  std::vector<std::vector<std::vector<real>>> analytic;
  std::vector<std::string> names{"loss"};
  std::size_t losses = 0;
  for (std::size_t scalar = 0; scalar <= losses; ++scalar) {
    Tape tape;
    tape.journal = &journal;
    Pass pass;
    {
      const Tape::Scope scope(&tape);
      pass = specimen.forward(batch, mode);
    }
    journal.rewind();
    losses = pass.routing.losses.size();
    std::vector<real> weights = weights_of(pass.routing.losses);
    if (scalar > 0) {
      std::fill(weights.begin(), weights.end(), real{0});
      weights[scalar - 1] = 1;
      names.push_back(pass.routing.losses[scalar - 1].name + " loss");
    }
    pull_back(tape, pass, scalar == 0 ? dy : Tensor{}, weights, all);
    std::vector<std::vector<real>>& gradients = analytic.emplace_back();
    for (const Leaf& leaf : all) gradients.push_back(gradient_of(leaf.value));
  }

  Tape tape;
  tape.journal = &journal;
  tape.recording = false;
  const Tape::Scope scope(&tape);
  const auto values_at = [&](real& entry, double value) {
    entry = static_cast<real>(value);
    journal.rewind();
    std::vector<double> values = values_of(specimen.forward(batch, mode), dy_values);
    if (values.size() != names.size())
      fail(Exit::internal, fmt::format("the same pass returns {} losses, and {} before",
                                       values.size() - 1, names.size() - 1));
    return values;
  };
  for (std::size_t l = 0; l < all.size(); ++l)
    for (index i = 0; i < all[l].value.size(); i += stride(all[l].value)) {
      real& entry = all[l].value.data()[i];
      const real kept = entry;
      const double h = kStep * std::max(1.0, std::abs(static_cast<double>(kept)));
      const std::vector<double> above = values_at(entry, static_cast<double>(kept) + h);
      const std::vector<double> below = values_at(entry, static_cast<double>(kept) - h);
      entry = kept;
      for (std::size_t scalar = 0; scalar < names.size(); ++scalar)
        compare(worst, static_cast<double>(analytic[scalar][l][static_cast<std::size_t>(i)]),
                (above[scalar] - below[scalar]) / (2 * h),
                fmt::format("d({})/d({}[{}]) in {}", names[scalar], all[l].name, i,
                            mode.training ? "training" : "evaluation"));
    }
}

// The largest gradient of each router parameter over several draws, relative to the terms of the
// loss.
struct GradientReach {
  std::string name;
  double task = 0, losses = 0;
};

std::vector<GradientReach> reach_of(Specimen& specimen) {
  std::vector<GradientReach> reach;
  for (const Parameter& p : specimen.router_parameters()) reach.push_back({p.name});
  for (std::uint64_t draw = 0; draw < 6; ++draw) {
    specimen.randomise(draw, 0.5);
    const Batch batch = specimen.batch(draw);
    const std::vector<Leaf> all = leaves(specimen, batch);
    const Tensor dy = output_seed(specimen, batch);
    for (const bool task : {true, false}) {
      Tape tape;
      Pass pass;
      {
        const Tape::Scope scope(&tape);
        pass = specimen.forward(batch, {.training = true, .draw = draw});
      }
      const double scale = std::max(largest(pass.y.to_host()), 1e-3);
      if (task)
        pull_back(tape, pass, dy, {}, all);
      else
        pull_back(tape, pass, {}, weights_of(pass.routing.losses), all);
      for (std::size_t i = 0; i < reach.size(); ++i) {
        const double size = largest(gradient_of(all[i].value));
        double& most = task ? reach[i].task : reach[i].losses;
        most = std::max(most, task ? size / scale : size);
      }
    }
  }
  return reach;
}

// True if the output changes with the parameter beyond rounding.
bool matters(Specimen& specimen, const std::string& name) {
  for (const Parameter& p : specimen.router_parameters()) {
    if (p.name != name) continue;
    for (std::uint64_t draw = 0; draw < 6; ++draw) {
      specimen.randomise(draw, 0.5);
      const Batch batch = specimen.batch(draw);
      const Tensor before = specimen.forward(batch, {.training = true, .draw = draw}).y;
      p.value.from_host(normals(draw, "another", p.value.size(), 1));
      const Tensor after = specimen.forward(batch, {.training = true, .draw = draw}).y;
      const double change = difference(before.data(), after.data(), before.size());
      if (change > kZeroGradient * std::max(1.0, largest(before.to_host()))) return true;
    }
  }
  return false;
}

Item dead_path(const std::vector<std::string>& names, bool losses) {
  return {{},
          Verdict::fail,
          fmt::format("dead path: {} gets no gradient from the task loss{}: is the gate constant "
                      "(top-1 divided by its own sum) or detached?",
                      joined(names), losses ? ", only from auxiliary losses" : "")};
}

// True if route() computes a differentiable value; a fixed table does not.
bool is_differentiable(const Subject& subject) {
  Specimen specimen(subject, small_sites(subject.causal));
  if (!specimen.router_parameters().empty()) return true;
  Tape tape;
  const Tape::Scope scope(&tape);
  const Routing routing = specimen.route(specimen.batch(0), {});
  return tape.size() > 0 || std::holds_alternative<Custom>(routing.plan);
}

}  // namespace

Item check_gradient(const Subject& subject, Certificate& certificate) {
  if (!kDouble && !is_differentiable(subject))
    return {{}, Verdict::none, "no parameters, and nothing that has a derivative"};
  if (!kDouble) return derivatives_not_measured();
  Specimen specimen(subject, small_sites(subject.causal));
  specimen.randomise(3, 0.5);
  Worst worst;
  for (const bool training : {true, false})
    check_mode(specimen, {.training = training, .draw = 3}, worst);
  certificate.gradient_error = worst.error;
  Item item = item_of(worst);
  if (specimen.router().traits().surrogate)
    item.value += ", of the declared surrogate";
  else if (item.verdict == Verdict::fail)
    item.value += "; a gradient that is stopped by design is declared by traits_.surrogate";
  return item;
}

Item check_paths(const Subject& subject) {
  Specimen specimen(subject, small_sites(subject.causal));
  if (specimen.router_parameters().empty()) return {{}, Verdict::none, "no parameters"};
  std::vector<std::string> by_losses, dead, idle;
  bool alive = false;
  for (const GradientReach& reach : reach_of(specimen)) {
    if (reach.task > kZeroGradient)
      alive = true;
    else if (reach.losses > kZeroGradient)
      by_losses.push_back(reach.name);
    else
      (matters(specimen, reach.name) ? dead : idle).push_back(reach.name);
  }
  if (!alive && specimen.experts() < 2)
    return {{}, Verdict::none, "one expert, so that there is nothing to choose"};
  if (!alive) {
    const bool losses = !by_losses.empty();
    for (const std::vector<std::string>* names : {&dead, &idle})
      by_losses.insert(by_losses.end(), names->begin(), names->end());
    return dead_path(by_losses, losses);
  }
  if (!dead.empty()) return dead_path(dead, false);
  if (!by_losses.empty())
    return {{}, Verdict::warn, joined(by_losses) + " learns from auxiliary losses only"};
  if (!idle.empty())
    return {{}, Verdict::warn, joined(idle) + " changes nothing, whatever its value"};
  return {{}, Verdict::pass, "all reached"};
}

}  // namespace moesim::certificate
