// Tests distillation: loss and gradient by formula, and what leaves a run as it is.
#include "sim/train/distillation.hpp"

#include "sim/ops/ops.hpp"
#include "sim/train/pass.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/kept.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

constexpr bool kInDouble = sizeof(real) == sizeof(double);
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
        CHECK(std::abs(static_cast<double>(got[row * kIds + i]) - slope) <
              (kInDouble ? 1e-14 : 1e-6));
        if (row != 1) want += q[i] * std::log(q[i] / p[i]) / 2;
      }
    }
    CHECK(std::abs(value - want) < (kInDouble ? 1e-14 : 1e-6));
  }
}

TEST_CASE("distillation: a student equal to its teacher has no divergence", "[train][distil]") {
  double value = 1;
  for (const real slope : gradient(logits_of(1), logits_of(1), 2, &value))
    CHECK(std::abs(slope) < (kInDouble ? 1e-15 : 1e-6));
  CHECK(std::abs(value) < (kInDouble ? 1e-15 : 1e-6));
}

TEST_CASE("distillation: at a high temperature the gradient is the difference of centred logits",
          "[train][distil]") {
  if (!kInDouble) return;
  constexpr double t = 1000;
  const Tensor z = logits_of(1), teacher = logits_of(2);
  const std::vector<real> got = gradient(z, teacher, t), a = z.to_host(), b = teacher.to_host();
  double mean = 0;
  for (std::size_t i = 0; i < kIds; ++i) mean += static_cast<double>(a[i] - b[i]) / kIds;
  for (std::size_t i = 0; i < kIds; ++i)  // times τ², as in the loss
    CHECK(std::abs(2 * t * t * static_cast<double>(got[i]) -
                   (static_cast<double>(a[i] - b[i]) - mean) / kIds) < 1e-3);
}

const Values kStudent = {"run.steps", "4", "router.name", "dense", "eval.every", "2"};

// A student whose teacher is another model.
std::string trained(const Values& more, double& gap) {
  Training student(with(kStudent, more), 1), teacher(kStudent, 1);
  for (const Parameter& p : teacher.model->parameters())
    if (p.name == "head") p.value.from_host(normal_values(p.value.size(), 7));
  student.trainer->set_teacher([&](const Batch& batch, index step) {
    Context context{.training = false, .step = step};
    std::vector<Loss> losses;
    const Tensor logits = teacher.model->forward(
        student.task->prepare(batch, teacher.backend).input, context, losses);
    // By way of the host: the backends' streams do not wait for each other.
    return Tensor::of(logits.shape(), logits.to_host(), student.backend);
  });
  student.run();
  const auto& file = student.recorder->file();
  gap = 0;
  for (std::size_t i = 0; i < 4; ++i)
    gap += file.all_values("loss")[i] - file.all_values("task_loss")[i];
  return student.fingerprint();
}

TEST_CASE("distillation: without weight, or after its end, a run is as without",
          "[train][distil]") {
  double gap = 0;
  const std::string plain = trained({}, gap);
  CHECK(gap == 0);
  CHECK(trained({"distil.teacher", "T", "distil.weight", "0"}, gap) == plain);
  const std::string taught = trained({"distil.teacher", "T", "distil.weight", "0.5"}, gap);
  CHECK(taught != plain);
  CHECK(gap != 0);
  CHECK(trained({"distil.teacher", "T", "distil.weight", "0.5", "distil.until", "4"}, gap) ==
        taught);
  CHECK(trained({"distil.teacher", "T", "distil.weight", "0.5", "distil.until", "1"}, gap) !=
        taught);
  // Micro-batches make up the same step.
  Training whole(kStudent, 1);
  double other = 0;
  trained({"distil.teacher", "T", "distil.weight", "0.5"}, gap);
  trained({"distil.teacher", "T", "distil.weight", "0.5", "train.accumulate", "4"}, other);
  CHECK(std::abs(gap - other) < (kInDouble ? 1e-9 : 1e-3));
  CHECK_THROWS_WITH(Training({"distil.checkpoint", "last"}, 1), contains("newest, best or a step"));
}

}  // namespace
}  // namespace moesim::testing
