#include "sim/core/error.hpp"
#include "sim/record/axes.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace moesim {
namespace {

// How much the two sides of a law may differ: counts agree exactly, masses are sums of float
// weights.
struct Law {
  bool loads = true;  // assignments = sum of load + dropped holds too
  double relative = 0;
};

Law law_of(const RunFile& run) {
  const auto found = run.attributes().find("plan_kind");
  if (found == run.attributes().end()) return {};
  const auto* kind = std::get_if<std::string>(&found->second);
  if (kind != nullptr && *kind == "assignment") return {};
  return {.loads = false, .relative = 1e-4};
}

bool agree(double a, double b, double relative) {
  // A run that diverged is published with its NaN.
  if (!std::isfinite(a) && !std::isfinite(b)) return true;
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

// Dimensions agree by name (axes_of), so equal names are enough.
void require_dims(const Variable& variable, const std::vector<std::string>& dims) {
  if (variable.dims != dims)
    fail_in("run file", variable.name + " has dimensions (" + joined(variable.dims) +
                            "), expected (" + joined(dims) + ")");
}

void check_family(const RunFile& run, const std::string& prefix, const std::string& rows) {
  const Variable* assignments = run.find(prefix + "assignments");
  if (assignments == nullptr) return;
  const Variable* demand = run.find(prefix + "demand");
  const Variable* load = run.find(prefix + "load");
  const Variable* dropped = run.find(prefix + "dropped");
  const Law law = law_of(run);
  const bool loads = law.loads && load != nullptr && dropped != nullptr;

  require_dims(*assignments, {rows, "layer"});
  if (demand != nullptr) require_dims(*demand, {rows, "layer", "expert"});
  if (loads) {
    require_dims(*load, {rows, "layer", "expert"});
    require_dims(*dropped, {rows, "layer"});
  }

  const auto over_experts = [](const Variable& variable, std::size_t cell) {
    const auto experts = static_cast<std::size_t>(variable.shape[2]);
    double sum = 0;
    for (std::size_t e = 0; e < experts; ++e) sum += variable.values[cell * experts + e];
    return sum;
  };
  const auto layers = static_cast<std::size_t>(assignments->shape[1]);
  for (std::size_t cell = 0; cell < assignments->values.size(); ++cell) {
    const double expected = assignments->values[cell];
    const auto violated = [&](const std::string& what, double found) {
      fail(Exit::internal,
           fmt::format("conservation violated at {} {}, layer {}: {} is {}, but {} is {}", rows,
                       cell / layers, cell % layers, what, found, assignments->name, expected));
    };
    if (demand != nullptr) {
      const double sum = over_experts(*demand, cell);
      if (!agree(sum, expected, law.relative)) violated("sum of " + demand->name, sum);
    }
    if (loads) {
      const double sum = over_experts(*load, cell) + dropped->values[cell];
      if (!agree(sum, expected, law.relative))
        violated("sum of " + load->name + " + " + dropped->name, sum);
    }
  }
}

}  // namespace

void check_conservation(const RunFile& run) {
  check_family(run, "", "record");
  check_family(run, "eval_", "eval");
}

}  // namespace moesim
