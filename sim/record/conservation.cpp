#include "sim/core/error.hpp"
#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace moesim {
namespace {

// Tolerance of a law: counts agree exactly, masses are sums of float weights.
struct Law {
  bool loads = true;  // the law assignments = sum of load + dropped applies too
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
  // A diverged run is published with its NaNs.
  if (!std::isfinite(a) && !std::isfinite(b)) return true;
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

// axes_of has checked that a dimension name has one length, so comparing names suffices.
void require_dims(const Variable& variable, const std::vector<std::string>& dims) {
  if (variable.dims != dims)
    fail_in("run file", variable.name + " has dimensions (" + joined(variable.dims) +
                            "), expected (" + joined(dims) + ")");
}

// The values of a variable, row by row, without those in finished blocks.
class Rows {
 public:
  explicit Rows(const Variable& variable)
      : variable_(variable),
        first_(finished_rows(variable)),
        size_(static_cast<std::size_t>(row_values(variable.shape))) {}
  const double* row(std::int64_t row) const {
    return variable_.values.data() + static_cast<std::size_t>(row - first_) * size_;
  }

 private:
  const Variable& variable_;
  std::int64_t first_;
  std::size_t size_;
};

void check_family(const RunFile& run, const std::string& prefix, const std::string& rows,
                  std::int64_t first) {
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

  // Rows in finished blocks were checked when the blocks were finished.
  std::int64_t from = 0;
  for (const Variable* variable : {assignments, demand, loads ? load : nullptr, dropped})
    if (variable != nullptr) from = std::max(from, finished_rows(*variable));
  const auto sum_of = [](const Variable& variable, std::int64_t row, std::int64_t layer) {
    const std::int64_t experts = variable.shape[2];
    const double* values = Rows(variable).row(row) + layer * experts;
    return std::accumulate(values, values + experts, 0.0);
  };
  for (std::int64_t row = from; row < assignments->shape[0]; ++row)
    for (std::int64_t layer = 0; layer < assignments->shape[1]; ++layer) {
      const double expected = Rows(*assignments).row(row)[layer];
      const auto violated = [&](const std::string& what, double found) {
        fail(Exit::internal,
             fmt::format("conservation violated at {} {}, layer {}: {} is {}, but {} is {}", rows,
                         first + row, layer, what, found, assignments->name, expected));
      };
      if (demand != nullptr) {
        const double sum = sum_of(*demand, row, layer);
        if (!agree(sum, expected, law.relative)) violated("sum of " + demand->name, sum);
      }
      if (loads) {
        const double sum = sum_of(*load, row, layer) + Rows(*dropped).row(row)[layer];
        if (!agree(sum, expected, law.relative))
          violated("sum of " + load->name + " + " + dropped->name, sum);
      }
    }
}

}  // namespace

const std::vector<std::pair<std::string, std::vector<std::string>>>& conserved_families() {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> families = {
      {"record", {"assignments", "demand", "load", "dropped"}},
      {"eval", {"eval_assignments", "eval_demand", "eval_load", "eval_dropped"}}};
  return families;
}

void check_conservation(const RunFile& run, std::int64_t first) {
  check_family(run, "", "record", first);
  check_family(run, "eval_", "eval", first);
}

}  // namespace moesim
