// Tests distillation: loss and gradient by formula, also of micro-batches.
#include "sim/train/distillation.hpp"

#include "sim/ops/ops.hpp"
#include "sim/train/pass.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/taught.hpp"

#include <cmath>
#include <tuple>

namespace moesim::testing {
namespace {

constexpr index kRows = 3, kIds = 5;

Tensor logits_of(std::uint32_t key) {
  return Tensor::of({kRows, kIds}, normal_values(kRows * kIds, key), test_backend());
}

// The gradient of the divergence to the logits.
std::vector<real> gradient(const Tensor& logits, const Tensor& teacher, double temperature,
                           double* value = nullptr) {
  const Indices target = Indices::of({1, -1, 4}, test_backend());
  logits.set_wants_gradient(true);
  logits.clear_gradient();
  Tape tape;
  const Tape::Scope scope(&tape);
  const Tensor loss =
      teacher_divergence(logits, teacher, target, static_cast<real>(temperature), 2);
  if (value != nullptr) *value = static_cast<double>(loss.item());
  tape.backward(loss);
  return logits.gradient().to_host();
}

std::vector<double> softmax_of(const std::vector<real>& x, std::size_t row, double temperature) {
  std::vector<double> p(kIds);
  double sum = 0;
  for (std::size_t i = 0; i < kIds; ++i)
    sum += p[i] = std::exp(static_cast<double>(x[row * kIds + i]) / temperature);
  for (double& value : p) value /= sum;
  return p;
}

TEST_CASE("distillation: divergence and gradient by formula", "[train][distil]") {
  for (const double t : {0.5, 1.0, 3.0}) {
    const Tensor z = logits_of(1), teacher = logits_of(2);
    double value = 0, want = 0;
    const std::vector<real> got = gradient(z, teacher, t, &value);
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::vector<double> p = softmax_of(z.to_host(), row, t),
                                q = softmax_of(teacher.to_host(), row, t);
      for (std::size_t i = 0; i < kIds; ++i) {
        const double slope = row == 1 ? 0 : (p[i] - q[i]) / t / 2;
        CHECK(std::abs(static_cast<double>(got[row * kIds + i]) - slope) < 1e-14);
        if (row != 1) want += q[i] * std::log(q[i] / p[i]) / 2;
      }
    }
    CHECK(std::abs(value - want) < 1e-14);
  }
}

TEST_CASE("distillation: a student equal to its teacher has no divergence", "[train][distil]") {
  double value = 1;
  for (const real slope : gradient(logits_of(1), logits_of(1), 2, &value))
    CHECK(std::abs(slope) < 1e-15);
  CHECK(std::abs(value) < 1e-15);
}

TEST_CASE("distillation: at a high temperature the gradient is the difference of centred logits",
          "[train][distil]") {
  constexpr double t = 1000;
  const Tensor z = logits_of(1), teacher = logits_of(2);
  const std::vector<real> got = gradient(z, teacher, t), a = z.to_host(), b = teacher.to_host();
  double mean = 0;
  for (std::size_t i = 0; i < kIds; ++i) mean += static_cast<double>(a[i] - b[i]) / kIds;
  for (std::size_t i = 0; i < kIds; ++i)  // times τ², as in the loss
    CHECK(std::abs(2 * t * t * static_cast<double>(got[i]) -
                   (static_cast<double>(a[i] - b[i]) - mean) / kIds) < 1e-3);
}

// The loss of a pass in plain loops: (1 - w) CE + w τ² KL(teacher ‖ student), means over the targets.
double loss_of_pass(const Tensor& logits, const Tensor& teacher,
                    const std::vector<std::int32_t>& targets, double w, double t) {
  const std::vector<real> z = logits.to_host(), v = teacher.to_host();
  const auto ids = static_cast<std::size_t>(logits.cols());
  const auto log_softmax = [&](const std::vector<real>& x, std::size_t row, double temperature) {
    std::vector<double> all;
    double sum = 0;
    for (std::size_t i = 0; i < ids; ++i) {
      all.push_back(static_cast<double>(x[row * ids + i]) / temperature);
      sum += std::exp(all.back());
    }
    for (double& value : all) value -= std::log(sum);
    return all;
  };
  double loss = 0, count = 0;
  for (std::size_t row = 0; row < targets.size(); ++row) {
    if (targets[row] < 0) continue;
    ++count;
    const std::vector<double> hard = log_softmax(z, row, 1), own = log_softmax(z, row, t),
                              wanted = log_softmax(v, row, t);
    loss -= (1 - w) * hard[static_cast<std::size_t>(targets[row])];
    for (std::size_t i = 0; i < ids; ++i)
      loss += w * t * t * std::exp(wanted[i]) * (wanted[i] - own[i]);
  }
  return loss / count;
}

TEST_CASE("distillation: a pass has the loss (1 - w) CE + w τ² KL, and its gradient",
          "[train][distil]") {
  const Training student({"router.name", "dense"}, 1);
  const Batch batch = student.trainer->evaluator().posed(0);
  const Example example = student.task->prepare(batch, student.backend);
  const auto logits = [&] {
    Context context{.training = false};
    std::vector<Loss> losses;
    return student.model->forward(example.input, context, losses);
  };
  const Tensor teacher =
      Tensor::of(logits().shape(), normal_values(logits().size(), 5), logits().backend());
  Tensor head;
  for (const Parameter& p : student.model->parameters())
    if (p.name == "head") head = p.value;
  REQUIRE(head);
  for (const auto& [w, t, parts] :
       {std::tuple(0.25, 1.0, index{1}), {0.3, 2.0, 1}, {0.6, 0.5, 2}, {1.0, 3.0, 4}}) {
    CAPTURE(w, t, parts);
    MicroBatch micro{.example = example,
                     .context = {.training = false},
                     .targets = count_targets(batch),
                     .parts = parts};
    micro.teacher = teacher;
    micro.teacher_weight = static_cast<real>(w), micro.temperature = static_cast<real>(t);
    head.clear_gradient();
    const PassLosses losses = run_pass(*student.model, micro);
    StepLosses step;
    step.add(losses, parts);
    const auto want = [&, w = w, t = t] {
      return loss_of_pass(logits(), teacher, batch.targets, w, t);
    };
    CHECK(step.total() == Approx(want()).epsilon(1e-12));
    const std::vector<real> slope = head.gradient().to_host(), values = head.to_host();
    for (const std::size_t i : {std::size_t{0}, std::size_t{7}, values.size() - 1}) {
      const auto moved = [&](double by) {
        std::vector<real> other = values;
        other[i] += static_cast<real>(by);
        head.from_host(other);
        const double loss = want();
        head.from_host(values);
        return loss;
      };
      CHECK(std::abs(static_cast<double>(slope[i]) - (moved(1e-5) - moved(-1e-5)) / 2e-5) < 1e-8);
    }
  }
}

TEST_CASE("distillation: micro-batches make up the same step", "[train][distil]") {
  double whole = 0, parts = 0;
  taught({"distil.teacher", "T", "distil.weight", "0.5"}, whole);
  taught({"distil.teacher", "T", "distil.weight", "0.5", "train.accumulate", "4"}, parts);
  CHECK(std::abs(whole - parts) < 1e-9);
}

}  // namespace
}  // namespace moesim::testing
