#include "experiments/sweep/record_cost.hpp"

#include "experiments/sweep/experiment.hpp"
#include "sim/record/block.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace moesim {
namespace {

double block_bytes(const Variable& variable) {
  return static_cast<double>(block_rows(variable.shape) * row_values(variable.shape)) *
         static_cast<double>(bytes_each(variable.type));
}

// Assignments of a step as routers expect them; record.trace_bytes ends the trace.
void add_traces(const Experiment& experiment, RecordRows& rows) {
  const TraceRecorder& trace = experiment.recorder->trace();
  if (trace.every() == 0) return;
  const Transformer& model = *experiment.model;
  double of_step = 0;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const Traits& traits = model.moe_layer(i).router().traits();
    if (traits.assigns) of_step += traits.cost.rows_per_token;
  }
  of_step *= static_cast<double>(experiment.trainer->batch() * experiment.task->shape().length);
  const double all = std::ceil(rows.steps / static_cast<double>(trace.every()));
  const double fit = std::floor(static_cast<double>(trace.most_bytes()) / trace.bytes(of_step));
  rows.traces = std::min(all, fit);
  rows.rows = rows.traces * of_step;
}

}  // namespace

double record_memory(const Experiment& experiment) {
  double bytes = 0;
  for (const Variable& variable : experiment.recorder->file().variables())
    if (variable.growing) bytes += block_bytes(variable);
  return bytes;
}

double RecordRows::of(const Variable& variable) const {
  if (!variable.growing) return 0;
  const std::string& dim = variable.dims.front();
  if (dim == "trace") return traces;
  if (dim == "row") return rows;
  return dim == "step" ? steps : dim == "eval" ? evaluations : records;
}

RecordRows record_rows(const Experiment& experiment) {
  const auto steps = static_cast<double>(experiment.trainer->steps()),
             every = static_cast<double>(experiment.trainer->evaluator().every());
  RecordRows rows{steps, std::ceil(steps / static_cast<double>(experiment.recorder->every())),
                  1 + (every > 0 ? std::floor(steps / every) : 0)};
  add_traces(experiment, rows);
  return rows;
}

double stored_bytes(const RunFile& file, const RecordRows& rows) {
  double bytes = 0;
  for (const Variable& variable : file.variables())
    bytes += rows.of(variable) * static_cast<double>(row_values(variable.shape)) *
             static_cast<double>(bytes_each(variable.type));
  return bytes;
}

double rest_bytes(const RunFile& file, const RecordRows& rows) {
  double bytes = 0;
  for (const Variable& variable : file.variables()) {
    const double all = rows.of(variable) * static_cast<double>(row_values(variable.shape)) *
                       static_cast<double>(bytes_each(variable.type));
    bytes += std::min(all, block_bytes(variable));
  }
  return bytes;
}

double seconds_to_compress(const RunFile& file) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  for (const Variable& variable : file.variables()) {
    if (!variable.growing || variable.values.empty()) continue;
    const std::string stored = stored_values(variable, 0, variable.values.size());
    leaf_of(stored);
    filtered(stored, bytes_each(variable.type));
  }
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace moesim
