// Trains a student with a teacher, for tests of distillation.
#pragma once

#include "sim/train/distillation.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/kept.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

inline const Values kStudent = {"run.steps", "4", "router.name", "dense", "eval.every", "2"};

// What the teacher adds to the loss, by step.
inline std::vector<double> gaps_of(const Training& student) {
  const auto& file = student.recorder->file();
  std::vector<double> gaps = file.all_values("loss");
  for (std::size_t i = 0; i < gaps.size(); ++i) gaps[i] -= file.all_values("task_loss")[i];
  return gaps;
}

// The fingerprint of a student whose teacher is another model. gap: the sum of gaps_of().
inline std::string taught(const Values& more, double& gap, std::vector<double>* gaps = nullptr) {
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
  gap = 0;
  for (const double each : gaps_of(student)) gap += each;
  if (gaps != nullptr) *gaps = gaps_of(student);
  return student.fingerprint();
}

}  // namespace moesim::testing
