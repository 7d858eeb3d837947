#include "sim/train/recorder.hpp"

#include "sim/config/typed.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/metrics.hpp"
#include "sim/train/restored.hpp"
#include "sim/train/router_metrics.hpp"

#include <algorithm>

namespace moesim {
namespace {

using Type = Variable::Type;

Variable labels(const std::string& name, const std::vector<index>& values,
                const std::string& long_name, const std::string& description) {
  Variable v;
  v.name = name, v.type = Type::int32, v.dims = {name},
  v.shape = {static_cast<index>(values.size())};
  v.values.assign(values.begin(), values.end());
  v.long_name = long_name, v.description = description;
  return v;
}

Variable texts(const std::string& name, const std::vector<std::string>& values,
               const std::string& long_name) {
  Variable v;
  v.name = name, v.type = Type::text, v.dims = {name},
  v.shape = {static_cast<index>(values.size())};
  v.texts = values;
  v.long_name = long_name;
  return v;
}

index most_experts(const Transformer& model) {
  index most = 0;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    most = std::max(most, model.moe_layer(i).router().traits().experts);
  return most;
}

std::vector<RowCost> costs_of(const Transformer& model) {
  std::vector<RowCost> costs;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const MoeLayer& layer = model.moe_layer(i);
    costs.push_back({layer.router().traits().cost.rows_per_token, layer.expert().flops_per_row()});
  }
  return costs;
}

}  // namespace

Recorder::Recorder(Settings& settings, const DatasetInfo& data, const Transformer& model,
                   index tokens, index loss_from, const std::vector<Rules>& also)
    : data_(data),
      every_(Options(settings, "record")
                 .integer("every", 10, {1, 1ll << 40}, "steps between records of the routing")),
      layers_(static_cast<index>(model.moe_blocks().size())),
      experts_(most_experts(model)),
      also_(also),
      totals_(every_, costs_of(model)),
      trace_(settings, every_,
             {.layers = layers_,
              .experts = experts_,
              .tokens = tokens,
              .ids = data.vocabulary > 0,
              .domains = !data.domains.empty(),
              .losses = false}) {
  declare_training();
  file_.put(labels("layer", model.moe_blocks(), "MoE layer", "index of the block that carries it"));
  std::vector<index> numbers(static_cast<std::size_t>(experts_));
  for (std::size_t e = 0; e < numbers.size(); ++e) numbers[e] = static_cast<index>(e);
  file_.put(labels("expert", numbers, "expert", "its number"));
  file_.declare("record", Type::int64, {"record"}, {}, "step", "",
                "training step whose batch is described; record_step has the same");
  file_.declare("record_step", Type::int64, {"record"}, {}, "step of the record", "",
                "training step whose batch is described");
  declare_statistics("", "record");
  declare_evaluation(loss_from, also);
  trace_.declare(file_);
}

void Recorder::append_statistics(const std::string& axis,
                                 const std::vector<LayerStatistics>& layers) {
  const std::string prefix = axis == "eval" ? "eval_" : "";
  for (const Statistic& s : all_statistics()) {
    std::vector<double> row;
    for (const LayerStatistics& layer : layers) {
      const std::vector<double> values = s.get(layer);
      row.insert(row.end(), values.begin(), values.end());
      // A layer with fewer experts than another has no demand for the missing ones.
      if (s.per == Statistic::Per::expert) row.resize(row.size() + missing_experts(layer));
    }
    file_.append(prefix + s.name, row);
  }
  append_metrics(file_, axis, layers);
}

void Recorder::on_routing(index step, const std::vector<LayerStatistics>& layers) {
  file_.attribute("plan_kind", plan_kinds(layers));
  for (const char* name : {"record", "record_step"}) file_.append(name, static_cast<double>(step));
  append_statistics("record", layers);
  totals_.add_record(layers);
  file_.finish_blocks();
}

void Recorder::on_step(const StepReport& r) {
  file_.append("step", static_cast<double>(r.step));
  file_.append("tokens", static_cast<double>(r.tokens));
  file_.append("seconds", r.seconds);
  file_.append("loss", r.loss);
  file_.append("task_loss", r.task_loss);
  file_.append("grad_norm", r.gradient_norm);
  file_.append("learning_rate", r.rate);
  note_rate(r);
  totals_.add_step(r.seconds, r.tokens);
  append_aux(r.aux);
  file_.finish_blocks();
}

// A loss has a column from its first step on. In steps without it, before and after, its value is
// NaN.
void Recorder::append_aux(const std::vector<std::pair<std::string, double>>& aux) {
  const std::size_t known = aux_.size();
  for (const auto& [name, value] : aux)
    if (std::find(aux_.begin(), aux_.end(), name) == aux_.end()) aux_.push_back(name);
  if (aux_.empty()) return;
  if (aux_.size() > known) widen_aux(known);
  std::vector<double> row(aux_.size(), kMissing);
  for (const auto& [name, value] : aux)
    row[static_cast<std::size_t>(std::find(aux_.begin(), aux_.end(), name) - aux_.begin())] = value;
  file_.append("aux_loss", row);
}

// Adds the columns of `aux_` behind the first `known`, which exist.
void Recorder::widen_aux(std::size_t known) {
  const auto width = static_cast<index>(aux_.size());
  const auto before = static_cast<std::size_t>(file_.find("step")->shape[0] - 1);
  Variable wide{.name = "aux_loss",
                .type = Type::float64,
                .dims = {"step", "aux"},
                .shape = {static_cast<index>(before), width},
                .values = std::vector<double>(before * aux_.size(), kMissing),
                .texts = {},
                .long_name = "auxiliary losses",
                .units = {},
                .growing = true,
                .description = kAuxDescription};
  if (known > 0) {
    const std::vector<double> narrow = file_.all_values("aux_loss");
    for (std::size_t i = 0; i < narrow.size(); ++i)
      wide.values[i / known * aux_.size() + i % known] = narrow[i];
  }
  file_.put(texts("aux", aux_, "auxiliary loss"));
  file_.put(std::move(wide));
}

void Recorder::on_evaluation(const Evaluation& e) {
  // The first evaluation comes before any training step.
  file_.attribute("plan_kind", plan_kinds(e.layers));
  totals_.add_evaluation(file_, e.step);
  for (const char* name : {"eval", "eval_step"}) file_.append(name, static_cast<double>(e.step));
  file_.append("eval_loss", e.loss);
  file_.append("eval_loss_error", e.loss_error);
  if (file_.find("eval_loss_from") != nullptr) file_.append("eval_loss_from", e.loss_from);
  for (std::size_t i = 0; i < also_.size(); ++i)
    file_.append("eval_loss_" + name_of(also_[i]), e.loss_also.at(i));
  file_.append("eval_sequences", static_cast<double>(e.sequences));
  file_.append("eval_targets", static_cast<double>(e.targets));
  file_.append("eval_accuracy", e.accuracy);
  append_statistics("eval", e.layers);
  if (!data_.domains.empty()) {
    std::vector<double> load, information;
    for (const LayerStatistics& s : e.layers) {
      const auto own = static_cast<index>(s.demand.size());
      for (auto from = s.domain_load.begin(); from != s.domain_load.end(); from += own) {
        load.insert(load.end(), from, from + own);
        load.resize(load.size() + missing_experts(s));
      }
      information.push_back(metrics::normalised_information(s.domain_load, own));
    }
    file_.append("domain_loss", e.domain_loss);
    file_.append("domain_targets", e.domain_targets);
    file_.append("domain_load", load);
    file_.append("eval_domain_nmi", information);
  }
  file_.finish_blocks();
}

void Recorder::on_boundary(const Position& position) {
  if (path_.empty()) return;
  const bool first = !published_ && position.step > 0;
  if (first || throttle_.allows()) publish("running");
}

void Recorder::note_rate(const StepReport& r) {
  constexpr std::size_t kLatest = 4096;
  if (r.seconds > 0 && tokens_ > 0) {
    const double rate = static_cast<double>(r.tokens - tokens_) / r.seconds;
    if (rates_.size() < kLatest)
      rates_.push_back(rate);
    else
      rates_[static_cast<std::size_t>(steps_) % kLatest] = rate;
    ++steps_;
  }
  tokens_ = r.tokens;
}

double Recorder::tokens_per_second() const {
  std::vector<double> rates = rates_;
  if (rates.empty()) return 0;
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return *middle;
}

Image Recorder::image(const std::string& status) {
  const Throttle::Work work(throttle_);
  file_.attribute("status", status);
  return with_totals().image();
}

const RunFile& Recorder::with_totals() {
  totals_.write(file_);
  return file_;
}

void Recorder::describe_settings(const Settings& settings) {
  auto typed = config::typed_settings(settings);
  std::erase_if(typed, [](const auto& setting) { return !is_setting_name(setting.first); });
  if (typed.size() > kMostSettings) return;
  for (auto& [key, value] : typed) file_.attribute(key, std::move(value));
}

void Recorder::publish(const Image& image) {
  const Throttle::Work work(throttle_);
  image.publish(path_);
  published_ = true;
}

void Recorder::restore(const RunFile& earlier) {
  file_ = restored(file_, earlier);
  const Variable* aux = file_.find("aux");
  aux_ = aux == nullptr ? std::vector<std::string>() : aux->texts;
  totals_.restore(earlier);
  trace_.restore(file_);
}

}  // namespace moesim
