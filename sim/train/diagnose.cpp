#include "sim/train/diagnose.hpp"

#include "sim/backend/backend.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

bool finite(const Tensor& x) { return x.backend().all_finite(x.data(), x.size()); }
bool finite_item(const Tensor& x) { return std::isfinite(static_cast<double>(x.item())); }

// NaN propagates towards the input: of the parameters with a bad gradient, the last one is nearest
// to the origin.
std::string bad_gradient(const std::vector<Parameter>& parameters) {
  std::string last;
  for (const Parameter& p : parameters)
    if (p.value.has_gradient() && !finite(p.value.gradient())) last = "the gradient of " + p.name;
  return last;
}

// The first NaN or infinite value of the forward pass, or "".
std::string bad_value(Transformer& model, MicroBatch batch) {
  Profile profile;  // tracks the part of the model of each op
  const Profile::Scope watching(profile);
  std::string culprit;
  Tape tape;
  tape.inspect = [&](const Tensor& y) {
    if (culprit.empty() && !finite(y))
      culprit = fmt::format("{} of blocks.{}, values {} of the forward pass",
                            to_string(current_part()), batch.context.layer, y.shape().to_string());
  };
  const Tape::Scope scope(&tape);
  std::vector<Loss> losses;
  const Tensor logits = model.forward(batch.example.input, batch.context, losses);
  if (!finite(logits)) return culprit.empty() ? "the logits" : culprit;
  for (const Loss& loss : losses)
    if (!finite_item(loss.value))
      return "the auxiliary loss " + loss.name + (culprit.empty() ? "" : ", " + culprit);
  if (!finite_item(cross_entropy(logits, batch.example.targets, batch.targets)))
    return "the cross-entropy";
  return "";
}

}  // namespace

std::string damaged_parameter(const std::vector<Parameter>& parameters) {
  for (const Parameter& p : parameters)
    if (!finite(p.value)) return p.name;
  return "";
}

std::string diagnose(Transformer& model, const StepBatch& batch) {
  const std::vector<Parameter> parameters = model.parameters();
  if (const std::string name = damaged_parameter(parameters); !name.empty())
    return "the values of " + name;
  const std::string gradient = bad_gradient(parameters);  // of the last passes
  for (index part = 0; part < batch.parts(); ++part)
    if (const std::string value = bad_value(model, batch.micro_batch(part)); !value.empty())
      return value;
  return gradient.empty() ? "the sum of finite terms" : gradient;
}

}  // namespace moesim
