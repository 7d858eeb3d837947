#include "sim/train/output_change.hpp"

#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

struct Outputs {
  std::vector<real> logits;
  double loss = 0;  // summed over targets
  index targets = 0;
};

Outputs outputs_of(Transformer& model, Backend& backend, const Task& task, const Batch& batch,
                   Context context) {
  const Example example = task.prepare(batch, backend);
  std::vector<Loss> losses;
  const Tensor logits = model.forward(example.input, context, losses);
  Outputs outputs{.logits = logits.to_host()};
  for (const real loss : cross_entropy_rows(logits, example.targets).to_host())
    outputs.loss += static_cast<double>(loss);
  const std::vector<std::int32_t> targets = example.targets.to_host();
  outputs.targets = std::count_if(targets.begin(), targets.end(), [](auto t) { return t >= 0; });
  return outputs;
}

}  // namespace

OutputChange output_change(Transformer& source, Backend& source_backend, Transformer& model,
                           Backend& backend, const Task& task, const Evaluator& evaluator) {
  OutputChange change;
  index targets = 0;
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Batch batch = evaluator.posed(i);
    const Context context = evaluator.context(i);
    const Outputs before = outputs_of(source, source_backend, task, batch, context);
    const Outputs after = outputs_of(model, backend, task, batch, context);
    for (std::size_t j = 0; j < before.logits.size(); ++j)
      change.logit = std::max(change.logit, std::abs(static_cast<double>(before.logits[j]) -
                                                     static_cast<double>(after.logits[j])));
    change.before += before.loss, change.after += after.loss, targets += after.targets;
  }
  const auto count = static_cast<double>(std::max<index>(targets, 1));
  change.before /= count, change.after /= count;
  return change;
}

}  // namespace moesim
