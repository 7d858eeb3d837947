#include "sim/train/distillation.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"
#include "sim/ops/state.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>

namespace moesim {

Distillation Distillation::read(Settings& settings) {
  Options options(settings, "distil");
  Distillation d;
  d.teacher =
      options.text("teacher", "", "folder of a run whose predictions are learned; empty: none");
  d.checkpoint =
      read_checkpoint_choice(options, "checkpoint of the teacher: newest, best or a step");
  d.weight =
      options.number("weight", 0.25, {0, 1},
                     "weight of the teacher's predictions; that of the targets is 1 - weight");
  d.temperature =
      options.number("temperature", 1, {1e-3, 1e6}, "logits are divided by it before the softmax");
  d.until =
      options.integer("until", 0, {0, 1ll << 40}, "step at which the teacher leaves; 0: never");
  for (const char* key : {"teacher", "checkpoint", "weight", "temperature", "until"})
    options.keep_silent(key);
  if (d.any())
    options.explain(
        Topic::state,
        fmt::format("L = {:g} · CE + {:g} · KL(softmax(t / {:g}) ‖ softmax(z / {:g})) + auxiliary "
                    "losses; t: logits of checkpoint {} of {}, in evaluation mode; {}",
                    1 - d.weight, d.weight * d.temperature * d.temperature, d.temperature,
                    d.temperature, d.checkpoint, d.teacher,
                    d.until == 0 ? "in every step"
                                 : fmt::format("before step {}, then CE alone", d.until)));
  return d;
}

Tensor teacher_divergence(const Tensor& logits, const Tensor& teacher, const Indices& target,
                          real temperature, index n) {
  if (teacher.shape() != logits.shape() || target.size() != logits.rows())
    fail_in("teacher_divergence",
            logits.shape().to_string() + " and " + teacher.shape().to_string());
  const Tensor counted =  // 1 for rows with a target
      sign(relu(affine(to_real(target, {logits.rows()}, 1), 1, 1)));
  const auto log_softmax = [&](const Tensor& x) {
    const Tensor scaled = affine(x, 1 / temperature);
    return sub_column(scaled, log_sum_exp(scaled));
  };
  const Tensor own = log_softmax(logits), wanted = log_softmax(teacher.detach());
  const Tensor rows = dot_cols(exp(wanted), sub(wanted, own));
  return affine(sum(mul(rows, counted)), real(1) / static_cast<real>(n));
}

}  // namespace moesim
