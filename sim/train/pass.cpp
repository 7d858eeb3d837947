#include "sim/train/pass.hpp"

#include "sim/backend/backend.hpp"
#include "sim/moe/losses.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

void add_named(std::vector<std::pair<std::string, double>>& sums, const std::string& name,
               double value) {
  for (auto& [known, sum] : sums)
    if (known == name) {
      sum += value;
      return;
    }
  sums.emplace_back(name, value);
}

}  // namespace

PassLosses run_pass(Transformer& model, MicroBatch& batch) {
  Tape tape;
  const Tape::Scope scope(&tape);
  PassLosses losses;
  const Tensor logits = model.forward(batch.example.input, batch.context, losses.aux);
  {
    const Span span(Part::head);
    losses.task = cross_entropy(logits, batch.example.targets, batch.targets);
    if (batch.teacher) {
      const real t = static_cast<real>(batch.temperature), parts = static_cast<real>(batch.parts);
      losses.task_weight = 1 - static_cast<real>(batch.teacher_weight);
      losses.aux.push_back({"distillation", batch.teacher_weight,
                            affine(teacher_divergence(logits, batch.teacher, batch.example.targets,
                                                      t, batch.targets),
                                   parts * t * t)});
    }
    if (batch.z_weight > 0) losses.aux.push_back({"logit_z", batch.z_weight, z_loss(logits)});
  }
  Backend& backend = logits.backend();
  const real share = real(1) / static_cast<real>(batch.parts);
  std::vector<std::pair<Tensor, Tensor>> roots{
      {losses.task, Tensor::full({1}, static_cast<real>(losses.task_weight), backend)}};
  for (const Loss& loss : losses.aux)
    roots.emplace_back(loss.value,
                       Tensor::full({1}, share * static_cast<real>(loss.weight), backend));
  tape.backward(roots);
  return losses;
}

void count_whole_step(Transformer& model, index parts,
                      const std::function<MicroBatch(index part)>& micro_batch) {
  if (parts == 1 || !model.reads_whole_step()) return;
  for (index part = 0; part < parts; ++part) {
    MicroBatch batch = micro_batch(part);
    std::vector<Loss> losses;
    model.forward(batch.example.input, batch.context, losses);
  }
  model.keep_whole_step();
}

void StepLosses::add(const PassLosses& losses, index parts) {
  const Tensor all =
      Tensor::empty({1 + static_cast<index>(losses.aux.size())}, losses.task.backend());
  real* to = all.data();
  const auto take = [&](const Tensor& loss) {
    loss.backend().copy(to++, loss.data(), sizeof(real));
  };
  take(losses.task);
  for (const Loss& loss : losses.aux) take(loss.value);
  const std::vector<real> values = all.to_host();
  task += static_cast<double>(values[0]);
  task_weight = losses.task_weight;
  for (std::size_t i = 0; i < losses.aux.size(); ++i)
    add_named(
        aux, losses.aux[i].name,
        losses.aux[i].weight * static_cast<double>(values[i + 1]) / static_cast<double>(parts));
}

double StepLosses::total() const {
  double sum = task_weight * task;
  for (const auto& [name, value] : aux) sum += value;
  return sum;
}

}  // namespace moesim
