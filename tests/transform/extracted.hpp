// Extracts the network of a task from a model of three tasks, for tests of extraction.
#pragma once

#include "sim/transform/extract.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim::testing {

inline constexpr index kTasks = 3;

// Settings of three tasks, whose tokens the router `task` sends to experts of their own.
inline Values of_tasks(const Values& more) {
  Values values = {"data.name",
                   "tasks",
                   "data.tasks",
                   "copy:100 rise:100 fall:100",
                   "data.length",
                   "24",
                   "data.symbols",
                   "6",
                   "data.tokens",
                   "chars",
                   "data.validation_pairs",
                   "12",
                   "model.layers",
                   "2",
                   "router.name",
                   "task",
                   "eval.sequences",
                   "0"};
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

// Sets the rows of the routers of every layer: one for each task.
inline void set_rows(const Training& training,
                     const std::function<real(std::size_t, std::size_t)>& value) {
  for (const Parameter& p : training.model->parameters()) {
    if (!p.name.ends_with("router.weight")) continue;
    std::vector<real> rows;
    for (std::size_t task = 0; task < static_cast<std::size_t>(p.value.rows()); ++task)
      for (std::size_t e = 0; e < static_cast<std::size_t>(p.value.cols()); ++e)
        rows.push_back(value(task, e));
    p.value.from_host(rows);
  }
}

// The change of the logits of task `measured` (-1: all) by the extraction of task `task`.
inline OutputChange change_of_task(Training& whole, const Values& more, index k, index task,
                                   index measured) {
  Values values = of_tasks(more);
  values.insert(values.end(),
                {"router.name", "dense", "router.dense.width_factor", std::to_string(k)});
  Training dense(values, 1);
  require_extractable(*whole.model);
  const ModelInput input =
      whole.task->prepare(whole.trainer->evaluator().posed(0), whole.backend).input;
  const std::vector<TaskExperts> layers = experts_of_task(*whole.model, input, task);
  REQUIRE(layers.size() == 2);
  for (const TaskExperts& layer : layers)
    REQUIRE(layer.experts.size() == static_cast<std::size_t>(k));
  give(extract_task(tensors_of(whole), *whole.model, layers), dense);
  return output_change(*whole.model, whole.backend, *dense.model, dense.backend, *dense.task,
                       dense.trainer->evaluator(), measured);
}

// Rows by which tasks have different experts and uneven gates.
inline void spread(const Training& training) {
  set_rows(training, [](std::size_t task, std::size_t e) {
    return e == task ? real(1.5) : e == task + 1 ? real(0.7) : real(-0.1);
  });
}

}  // namespace moesim::testing
