// Estimates the cost of a certificate from the sizes of its sites.
#include "sim/certify/bank.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

using namespace certificate;

// Number of passes of all items but "gradient", and number of draws of all values.
constexpr double kOtherPasses = 200, kEffortDraws = 60;
// Traces of "threads": each is a forward and a backward pass, and backward takes twice as long.
constexpr double kTraces = 4 * 3;
// Operations per value that a pass keeps: read, compute (often an exponential), write.
constexpr double kWorkOfValue = 10;
// Operations per normal random number.
constexpr double kWorkOfDraw = 20;
// Copies of every parameter and buffer: value, gradient, analytic gradient, draws.
constexpr double kCopies = 4;
// Copies of the values that a pass keeps: forward and backward.
constexpr double kPassCopies = 2;
constexpr double kRowsOfExpert = 4;

double numbers_of(const Module& module) {
  return static_cast<double>(count(module.parameters()) + count(module.buffers()));
}

struct Size {
  double state = 0;     // numbers of parameters and buffers
  double values = 0;    // numbers that one pass keeps
  double work = 0;      // operations of one pass
  double gradient = 0;  // passes for the differences of "gradient"
};

// Two passes per tested value of "gradient".
double passes_for(double size) { return 2 * size / (1 + std::floor(size / 2048)); }

Size size_of(const Made& made) {
  const double tokens = made.router ? static_cast<double>(made.site.batch * made.site.length) : 0;
  const double width = static_cast<double>(made.expert_site.width);
  const double rows = made.router ? made.router->expert_rows(static_cast<index>(tokens))
                                  : kRowsOfExpert * static_cast<double>(made.expert_site.experts);
  Size size;
  size.state = numbers_of(*made.expert) + (made.router ? numbers_of(*made.router) : 0);
  size.values = rows * (2 * width + made.expert->flops_per_row() / (2 * width)) +
                (made.router ? made.router->kept_values(static_cast<index>(tokens)) : 0);
  size.work = rows * made.expert->flops_per_row() + kWorkOfValue * size.values + size.state;
  if (made.router) {
    const Cost cost = made.router->traits().cost;
    const auto each = static_cast<double>(made.expert->parameters_per_expert());
    size.work += tokens * (cost.router_flops + cost.merge_flops * each);
  }
  const auto add_leaves = [&](const Module& module) {
    for (const Parameter& p : module.parameters())
      size.gradient += passes_for(static_cast<double>(p.value.size()));
  };
  add_leaves(*made.expert);
  if (made.router) add_leaves(*made.router);
  size.gradient += passes_for((made.router ? tokens : rows) * width);
  return size;
}

}  // namespace

Effort effort_of(const Subject& subject) {
  const Size small = size_of(make(subject, small_sites(subject.causal)));
  const Size large = size_of(make(subject, large_sites(subject.causal)));
  constexpr double kForms = 2;  // training and evaluation; an expert alone and merged
  Effort effort;
  for (const Size& size : {small, large})
    effort.bytes =
        std::max(effort.bytes, sizeof(real) * (kCopies * size.state + kPassCopies * size.values));
  effort.operations = (kOtherPasses + (kDouble ? kForms * small.gradient : 0)) * small.work +
                      kEffortDraws * kWorkOfDraw * small.state + kTraces * large.work;
  return effort;
}

}  // namespace moesim
