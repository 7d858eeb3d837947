#include "sim/train/probe.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

std::vector<real> logits_of(Transformer& model, const Task& task, const Batch& batch, bool training,
                            Backend& backend) {
  Context context{.training = training, .seed = 0, .step = 0};
  const Example example = task.prepare(batch, backend);
  std::vector<Loss> losses;
  return model.forward(example.input, context, losses).to_host();
}

}  // namespace

double future_leak(Transformer& model, const Task& task, const Dataset& data, index rows,
                   Backend& backend) {
  // A change of later tokens can change the number of rows of an expert, and so the rounding of a
  // product. That is not a leak.
  constexpr double kRounding = sizeof(real) == 4 ? 1e-4 : 1e-12;
  const Batch base = data.batch(Split::validation, 0, 0, rows);
  const index V = data.info().vocabulary, S = base.length;
  double leak = 0, largest = 0;
  for (const bool training : {false, true}) {
    const std::vector<real> before = logits_of(model, task, base, training, backend);
    const auto width = static_cast<index>(before.size()) / (base.batch * S);
    for (index part = 1; part <= 4; ++part) {
      const index kept = std::max<index>(1, S * part / 5);
      Batch changed = base;
      for (index b = 0; b < base.batch; ++b)
        for (index s = kept; s < S; ++s) {
          std::int32_t& id = changed.ids[static_cast<std::size_t>(b * S + s)];
          id = static_cast<std::int32_t>((id + 1 + (b + s) % std::max<index>(1, V - 1)) % V);
        }
      const std::vector<real> after = logits_of(model, task, changed, training, backend);
      for (index b = 0; b < base.batch; ++b)
        for (index i = b * S * width; i < (b * S + kept) * width; ++i) {
          const auto at = static_cast<std::size_t>(i);
          largest = std::max(largest, std::abs(static_cast<double>(before[at])));
          leak = std::max(
              leak, std::abs(static_cast<double>(after[at]) - static_cast<double>(before[at])));
        }
    }
  }
  return leak > kRounding * largest ? leak : 0;
}

}  // namespace moesim
