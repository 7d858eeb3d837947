// Where something that is not finite came from.
#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/trainer.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

bool finite(const Tensor& x) { return x.backend().all_finite(x.data(), x.size()); }

}  // namespace

std::string Trainer::damaged_parameter() const {
  for (const Parameter& p : parameters_)
    if (!finite(p.value)) return p.name;
  return "";
}

void Trainer::meet_not_finite(const char* when, double loss) {
  ++position_.not_finite;
  if (not_finite_ == NotFinite::skip && position_.not_finite <= not_finite_limit_) return;
  const std::string advice =
      not_finite_ != NotFinite::stop && position_.not_finite > not_finite_limit_
          ? fmt::format("more than train.not_finite_limit = {} such steps", not_finite_limit_)
          : "lower train.rate or train.clip";
  fail(Exit::diverged, fmt::format("{} step {}: loss {}: not finite: {}; {}", when, position_.step,
                                   loss, diagnose(), advice));
}

// Nothing was updated, so the forward passes of the step can be run again, and every value watched.
std::string Trainer::diagnose() {
  if (const std::string name = damaged_parameter(); !name.empty()) return "the values of " + name;
  // The backward pass first: its gradients are still there.
  std::string gradient;
  // A bad gradient spreads towards the input: the last parameter that has one is next to where it
  // arose.
  for (const Parameter& p : parameters_)
    if (p.value.has_gradient() && !finite(p.value.gradient()))
      gradient = "the gradient of " + p.name;

  const StepBatch batch = step_batch();
  for (index part = 0; part < accumulate_; ++part) {
    Profile profile;  // it knows which part of the model an operation belongs to
    const Profile::Scope watching(profile);
    Context context = training_context(part);
    const Example example = example_of(batch, part);
    std::string culprit;
    Tape tape;
    tape.inspect = [&](const Tensor& y) {
      if (culprit.empty() && !finite(y))
        culprit = fmt::format("{} of blocks.{}, values {} of the forward pass",
                              to_string(current_part()), context.layer, y.shape().to_string());
    };
    const Tape::Scope scope(&tape);
    std::vector<Loss> losses;
    const Tensor logits = model_.forward(example.input, context, losses);
    if (!finite(logits)) return culprit.empty() ? "the logits" : culprit;
    for (const Loss& loss : losses)
      if (!std::isfinite(static_cast<double>(loss.value.item())))
        return "the auxiliary loss " + loss.name + (culprit.empty() ? "" : ", " + culprit);
    if (!std::isfinite(
            static_cast<double>(cross_entropy(logits, example.targets, batch.targets).item())))
      return "the cross-entropy";
  }
  return gradient.empty() ? "the sum of finite terms" : gradient;
}

}  // namespace moesim
