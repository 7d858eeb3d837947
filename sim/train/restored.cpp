#include "sim/train/restored.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/record/block.hpp"
#include "sim/train/router_metrics.hpp"

#include <set>

namespace moesim {
namespace {

// Variables that are not declared at the start: they begin at the first step that has a value.
bool is_late(const Variable& variable) {
  return variable.name == "aux" || variable.name == "aux_loss" || is_router_metric(variable);
}

// A variable that the earlier build did not record: its rows are NaN.
Variable unknown_rows(const RunFile& earlier, Variable own) {
  const Variable* steps = earlier.find(own.dims.front() + "_step");
  if (steps == nullptr) return own;
  own.shape[0] = steps->shape[0];
  own.values.assign(static_cast<std::size_t>(own.shape[0] * row_values(own.shape)), kMissing);
  return own;
}

// Step labels of a dimension, for files of a version without these labels.
Variable labels_from(const RunFile& earlier, Variable own) {
  const std::string steps = own.name + "_step";
  if (earlier.find(steps) == nullptr) return own;
  own.values = earlier.all_values(steps);
  own.shape = {static_cast<std::int64_t>(own.values.size())};
  return own;
}

Variable restored(const Variable& own, const RunFile& earlier) {
  const Variable* kept = earlier.find(own.name);
  if (kept == nullptr && (own.name == "record" || own.name == "eval"))
    return labels_from(earlier, own);
  if (kept == nullptr && find_statistic(own.name) != nullptr) return unknown_rows(earlier, own);
  if (kept == nullptr || kept->dims != own.dims || kept->type != own.type)
    fail(Exit::data, own.name +
                         " was recorded otherwise by another version of moesim; train "
                         "again with --force");
  Variable variable = *kept;
  variable.growing = own.growing;
  variable.long_name = own.long_name, variable.units = own.units;
  variable.description = own.description;
  return variable;
}

}  // namespace

RunFile restored(const RunFile& own, const RunFile& earlier) {
  RunFile file;
  file.keep_blocks(earlier.block_store() ? earlier.block_store() : own.block_store());
  for (const std::string& name : own.attribute_order())
    file.attribute(name, own.attributes().at(name));
  // Keeps their order, so that a rewritten file has the same bytes.
  const std::set<std::string> kept_attributes = {"created_utc",
                                                 "plan_kind",
                                                 "train_seconds",
                                                 "wall_seconds",
                                                 "train_flops",
                                                 "train_drops_percent",
                                                 "flops_per_token_measured",
                                                 "extended_from",
                                                 "trace_rows",
                                                 "trace_tokens",
                                                 "trace_length",
                                                 "trace_pass_tokens",
                                                 "trace_k_max",
                                                 "trace_fixed",
                                                 "trace_end",
                                                 "teacher_step",
                                                 "teacher_weights_sha256",
                                                 "tokens_before",
                                                 "flops_before",
                                                 "init_step",
                                                 "init_tokens",
                                                 "init_weights_sha256",
                                                 "init_dropped_share",
                                                 "init_logit_change",
                                                 "init_loss_before",
                                                 "init_loss_after",
                                                 "made_from",
                                                 "made_from_step"};
  const auto is_kept = [&](const std::string& name) {
    return kept_attributes.contains(name) || name.starts_with("transform_");
  };
  for (const std::string& name : earlier.attribute_order())
    if (is_kept(name)) file.attribute(name, earlier.attributes().at(name));
  for (const Variable& variable : own.variables())
    if (!is_late(variable)) file.put(restored(variable, earlier));
  for (Variable variable : earlier.variables()) {
    if (!is_late(variable)) continue;
    variable.growing = variable.name != "aux";
    if (variable.name == "aux_loss") variable.description = kAuxDescription;
    if (is_router_metric(variable)) variable.description = kMetricDescription;
    file.put(std::move(variable));
  }
  return file;
}

}  // namespace moesim
