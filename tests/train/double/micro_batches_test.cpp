// Tests that losses and gradients of a step are sums over its micro-batches in a fixed order.
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/micro_arms.hpp"

#include <cmath>
#include <map>

namespace moesim::testing {
namespace {

// What one micro-batch adds to the step, from its own forward and backward pass.
struct PartSums {
  double task = 0;
  std::map<std::string, double> aux;
  std::vector<std::vector<real>> gradients;  // of each parameter
};

PartSums pass(Training& training, index part, index parts, index sequences) {
  const Drawn drawn{Split::train, 0, 0, 0, sequences};
  const Batch whole =
      training.task->pose(training.data->batch(Split::train, 0, 0, sequences), drawn);
  const index each = sequences / parts;
  const Example example =
      training.task->prepare(rows_of(whole, part * each, each), training.backend);
  for (const Parameter& p : training.model->parameters()) p.value.clear_gradient();
  Tape tape;
  const Tape::Scope scope(&tape);
  Context context;
  context.training = true, context.step = part;
  std::vector<Loss> losses;
  const Tensor logits = training.model->forward(example.input, context, losses);
  const index targets = count_targets(whole);
  std::vector<std::pair<Tensor, Tensor>> roots{
      {cross_entropy(logits, example.targets, targets), {}}};
  if (const double weight = StepBatch::read(training.settings).z_weight; weight > 0)
    losses.push_back({"logit_z", weight, mean(square(log_sum_exp(logits)))});
  PartSums sums;
  for (const real row : cross_entropy_rows(logits, example.targets).to_host())
    sums.task += static_cast<double>(row) / static_cast<double>(targets);
  for (const Loss& loss : losses) {
    const double share = loss.weight / static_cast<double>(parts);
    sums.aux[loss.name] += share * static_cast<double>(loss.value.item());
    roots.emplace_back(
        loss.value,
        Tensor::full({1}, real(1) / static_cast<real>(parts) * static_cast<real>(loss.weight),
                     training.backend));
  }
  tape.backward(roots);
  for (const Parameter& p : training.model->parameters())
    sums.gradients.push_back(p.value.gradient() ? p.value.gradient().to_host()
                                                : std::vector<real>());
  return sums;
}

// Sum i of leaves first, first + 1, ..., first + count - 1: the two halves, the first of which has
// the largest power of two of leaves below their number.
real by_halves(const std::vector<PartSums>& parts, std::size_t parameter, std::size_t i,
               std::size_t first, std::size_t count) {
  if (count == 1) return parts[first].gradients[parameter][i];
  std::size_t half = 1;
  while (2 * half < count) half *= 2;
  return by_halves(parts, parameter, i, first, half) +
         by_halves(parts, parameter, i, first + half, count - half);
}

TEST_CASE("micro-batches: losses and gradients are their sums", "[train][accumulate][micro]") {
  const double allowed = 1e-12;
  for (const Values& arm : kMicroArms)
    for (const index parts : {1, 3, 4, 6, 12}) {
      CAPTURE(arm, parts);
      const Values values =
          with(arm, {"train.batch", "12", "train.accumulate", std::to_string(parts), "train.rate",
                     "0", "run.steps", "1", "eval.every", "0"});
      Training reference(values, 1), training(values, 1);
      std::vector<PartSums> all;
      for (index part = 0; part < parts; ++part) all.push_back(pass(reference, part, parts, 12));
      training.run();
      const RunFile& file = training.recorder->file();

      double task = 0, loss = 0;
      std::map<std::string, double> aux;
      for (const PartSums& part : all) {
        task += part.task;
        for (const auto& [name, value] : part.aux) aux[name] += value, loss += value;
      }
      CHECK_THAT(file.find("task_loss")->values[0], WithinAbs(task, allowed));
      CHECK_THAT(file.find("loss")->values[0], WithinAbs(loss + task, allowed));
      for (std::size_t i = 0; i < aux.size(); ++i)
        CHECK_THAT(file.find("aux_loss")->values[i],
                   WithinAbs(aux[file.find("aux")->texts[i]], allowed));

      const std::vector<Parameter> parameters = training.model->parameters();
      double largest = 0, difference = 0;
      index other_bits = 0;
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        const std::vector<real> got = parameters[p].value.gradient().to_host();
        for (std::size_t i = 0; i < got.size(); ++i) {
          double naive = 0;
          for (const PartSums& part : all) naive += static_cast<double>(part.gradients[p][i]);
          largest = std::max(largest, std::abs(naive));
          difference = std::max(difference, std::abs(static_cast<double>(got[i]) - naive));
          other_bits += got[i] != by_halves(all, p, i, 0, all.size());
        }
      }
      CHECK(largest > 0.01);
      CHECK(difference < allowed);
      CHECK(other_bits == 0);
    }
}

}  // namespace
}  // namespace moesim::testing
