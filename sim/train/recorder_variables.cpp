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

void Recorder::declare_evaluation(index loss_from, const std::vector<Rules>& also) {
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
  if (loss_from > 0)
    by_evaluation("eval_loss_from", Type::float64, "validation loss from a position on", "nat",
                  "mean cross-entropy over the targets at positions >= eval.from of the sequences "
                  "evaluated");
  for (const Rules rules : also)
    if (rules == Rules::dropless)
      by_evaluation("eval_loss_dropless", Type::float64, "validation loss, dropless", "nat",
                    "the same without a limit of rows per expert");
    else
      by_evaluation("eval_loss_training", Type::float64, "validation loss, as trained", "nat",
                    "the same with capacity and mixing as in training");
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
                {layers_, domains, experts_}, "load of the domain", "assignments",
                "weight of the expert in the domain's tokens: rows, or mass for mixing and "
                "merging");
  file_.declare("eval_domain_nmi", Type::float64, {"eval", "layer"}, {layers_},
                "expert-domain information", "",
                "mutual information of expert and domain over the entropy of domains");
}

void Recorder::declare_statistics(const std::string& prefix, const std::string& axis) {
  for (const Statistic& s : all_statistics()) {
    std::vector<std::string> dims = {axis, "layer"};
    std::vector<std::int64_t> shape = {layers_};
    if (s.per == Statistic::Per::expert) dims.push_back("expert"), shape.push_back(experts_);
    file_.declare(prefix + s.name, Type::float64, dims, shape, s.long_name, s.units, s.description);
  }
}

}  // namespace moesim
