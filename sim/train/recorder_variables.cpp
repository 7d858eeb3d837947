// The variables of a run file, as analysis/FORMAT.md describes them: names, units and descriptions.
#include "sim/train/recorder.hpp"

#include <utility>

namespace moesim {

using Type = Variable::Type;

void Recorder::declare_training() {
  const auto by_step = [&](const char* name, Type type, const char* label, const char* units,
                           const char* description) {
    file_.declare(name, type, {"step"}, {}, label, units, description);
  };
  by_step("step", Type::int64, "step", "", "number of the training step, from 0");
  by_step("tokens", Type::int64, "tokens", "",
          "positions trained on since the start, this step included");
  by_step("seconds", Type::float64, "time of the step", "s",
          "wall time, without evaluation and writing");
  by_step("loss", Type::float64, "training loss", "nat",
          "what is minimised: task loss and weighted auxiliary losses");
  by_step("task_loss", Type::float64, "training task loss", "nat",
          "mean cross-entropy over the targets of the step");
  by_step("grad_norm", Type::float64, "gradient norm", "", "Euclidean, before clipping");
  by_step("learning_rate", Type::float64, "learning rate", "", "");
}

void Recorder::declare_evaluation() {
  const auto by_evaluation = [&](const char* name, Type type, const char* label, const char* units,
                                 const char* description) {
    file_.declare(name, type, {"eval"}, {}, label, units, description);
  };
  by_evaluation("eval", Type::int64, "step", "",
                "training steps done before the evaluation; eval_step has the same");
  by_evaluation("eval_step", Type::int64, "step of the evaluation", "",
                "training steps done before");
  by_evaluation("eval_loss", Type::float64, "validation loss", "nat",
                "mean cross-entropy over the targets of the sequences evaluated");
  by_evaluation("eval_loss_error", Type::float64, "standard error of validation loss", "nat",
                "of eval_loss as an estimate of the whole validation split's; NaN: a single "
                "sequence does not tell");
  by_evaluation("eval_sequences", Type::int64, "sequences evaluated", "", "");
  by_evaluation("eval_targets", Type::int64, "predictions evaluated", "",
                "that eval_loss is the mean over");
  by_evaluation("eval_accuracy", Type::float64, "validation accuracy", "",
                "share of targets that have the largest logit");
  declare_statistics("eval_", "eval");
  if (data_.domains.empty()) return;
  const auto domains = static_cast<index>(data_.domains.size());
  Variable names;
  names.name = "domain", names.type = Type::text, names.dims = {"domain"}, names.shape = {domains};
  names.texts = data_.domains, names.long_name = "domain of the data";
  file_.put(std::move(names));
  file_.declare("domain_loss", Type::float64, {"eval", "domain"}, {domains}, "validation loss",
                "nat", "mean cross-entropy of the domain's targets; NaN if there were none");
  file_.declare("domain_targets", Type::int64, {"eval", "domain"}, {domains},
                "predictions evaluated", "", "that domain_loss is the mean over");
  file_.declare("domain_load", Type::float64, {"eval", "layer", "domain", "expert"},
                {layers_, domains, experts_}, "load of the domain", "",
                "weight of the expert in the domain's tokens: rows, or mass for mixing and "
                "merging");
  file_.declare("eval_domain_nmi", Type::float64, {"eval", "layer"}, {layers_},
                "expert-domain information", "",
                "mutual information of expert and domain over the entropy of domains");
}

void Recorder::declare_statistics(const std::string& prefix, const std::string& axis) {
  const auto per_expert = [&](const char* name, const char* label, const char* what) {
    file_.declare(prefix + name, Type::float64, {axis, "layer", "expert"}, {layers_, experts_},
                  label, "", what);
  };
  const auto per_layer = [&](const char* name, const char* label, const char* what,
                             const char* units = "") {
    file_.declare(prefix + name, Type::float64, {axis, "layer"}, {layers_}, label, units, what);
  };
  per_expert("demand", "demand", "assignments asked for, before capacity (mixing, merging: mass)");
  per_expert("load", "load", "rows processed, after capacity (mixing, merging: mass)");
  per_expert("importance", "importance",
             "sum over tokens of the weight given to the expert's output");
  per_layer("assignments", "assignments", "sum of demand over experts");
  per_layer("dropped", "dropped assignments", "asked for and not served");
  per_layer("unrouted_tokens", "unrouted tokens", "tokens that no expert processed");
  per_layer("router_entropy", "router entropy", "mean entropy of the scores of a token", "nat");
  per_layer("load_cv", "load CV", "population standard deviation over mean of demand");
  per_layer("max_violation", "MaxVio", "largest demand over mean demand, minus 1");
  per_layer("dead_experts", "dead experts", "experts without demand");
  per_layer("effective_experts", "effective experts",
            "exponential of the entropy of the demand distribution");
}

}  // namespace moesim
