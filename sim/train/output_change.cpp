#include "sim/train/output_change.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

struct Outputs {
  std::vector<real> logits;  // of the rows of the domain
  double loss = 0;           // summed over targets
  index targets = 0;
};

Outputs outputs_of(Transformer& model, Backend& backend, const Task& task, const Batch& batch,
                   Context context, index domain) {
  const Example example = task.prepare(batch, backend);
  std::vector<Loss> losses;
  const Tensor logits = model.forward(example.input, context, losses);
  const std::vector<real> all = logits.to_host(),
                          rows = cross_entropy_rows(logits, example.targets).to_host();
  const std::vector<std::int32_t> targets = example.targets.to_host();
  Outputs outputs;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (domain >= 0 && example.target_domains.at(row) != domain) continue;
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(row) * logits.cols();
    outputs.logits.insert(outputs.logits.end(), from, from + logits.cols());
    outputs.loss += static_cast<double>(rows[row]);
    outputs.targets += targets[row] >= 0 ? 1 : 0;
  }
  return outputs;
}

}  // namespace

OutputChange output_change(Transformer& source, Backend& source_backend, Transformer& model,
                           Backend& backend, const Task& task, const Evaluator& evaluator,
                           index domain) {
  OutputChange change;
  index targets = 0;
  for (index i = 0; i < evaluator.batches(); ++i) {
    const Batch batch = evaluator.posed(i);
    const Context context = evaluator.context(i);
    const Outputs before = outputs_of(source, source_backend, task, batch, context, domain);
    const Outputs after = outputs_of(model, backend, task, batch, context, domain);
    for (std::size_t j = 0; j < before.logits.size(); ++j)
      change.logit = std::max(change.logit, std::abs(static_cast<double>(before.logits[j]) -
                                                     static_cast<double>(after.logits[j])));
    change.before += before.loss, change.after += after.loss, targets += after.targets;
  }
  if (targets == 0 && domain >= 0)
    fail(Exit::usage, "the evaluation has no sequence of this domain; raise eval.sequences");
  const auto count = static_cast<double>(std::max<index>(targets, 1));
  change.before /= count, change.after /= count;
  return change;
}

}  // namespace moesim
