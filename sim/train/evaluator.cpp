#include "sim/train/evaluator.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/routing_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

constexpr index kMany = 1ll << 40;
constexpr IntegerRange kBatch{1, 1 << 20};
constexpr index kDefaultBatch = 16, kDefaultSequences = 512;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// The sums that the numbers of an evaluation are made of.
class Sums {
 public:
  Sums(const Dataset& data)
      : domain_loss_(data.info().domains.size()), domain_targets_(domain_loss_) {}

  // rows: the loss of every row of the logits, 0 where there is no target.
  void add(const Batch& batch, const Example& example, const std::vector<real>& rows) {
    const std::size_t each = rows.size() / static_cast<std::size_t>(batch.batch);
    for (std::size_t first = 0; first < rows.size(); first += each) {
      double loss = 0, targets = 0;
      for (std::size_t row = first; row < first + each; ++row) {
        if (batch.targets[row] < 0) continue;
        const auto value = static_cast<double>(rows[row]);
        loss += value, loss_ += value;
        targets += 1;
        if (example.target_domains.empty()) continue;
        const auto domain = static_cast<std::size_t>(example.target_domains[row]);
        domain_loss_[domain] += value;
        domain_targets_[domain] += 1;
      }
      targets_ += targets;
      sequences_.add(loss, targets);
    }
  }

  void write(Evaluation& result, index population) const {
    result.sequences = sequences_.count();
    result.targets = static_cast<index>(targets_);
    result.loss = loss_ / targets_;
    result.loss_error = sequences_.error(population);
    result.domain_targets = domain_targets_;
    for (std::size_t d = 0; d < domain_loss_.size(); ++d)
      result.domain_loss.push_back(domain_targets_[d] > 0 ? domain_loss_[d] / domain_targets_[d]
                                                          : kUnknown);
  }

 private:
  double loss_ = 0, targets_ = 0;
  std::vector<double> domain_loss_, domain_targets_;
  RatioError sequences_;
};

}  // namespace

void RatioError::add(double y, double x) {
  ++n_;
  y_ += y, x_ += x;
  yy_ += y * y, xy_ += x * y, xx_ += x * x;
}

double RatioError::error(index population) const {
  if (n_ >= population) return 0;
  if (n_ < 2) return kUnknown;
  const auto n = static_cast<double>(n_), N = static_cast<double>(population);
  const double R = ratio();
  const double squares = std::max(0.0, yy_ - 2 * R * xy_ + R * R * xx_);
  return std::sqrt((1 - n / N) * n / (n - 1) * squares) / x_;
}

Evaluator::Evaluator(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
                     Backend& backend, std::uint64_t seed)
    : data_(data), task_(task), model_(model), backend_(backend), seed_(seed) {
  Options eval(settings, "eval");
  every_ = eval.integer("every", 100, {0, kMany}, "steps between evaluations; 0: only at the end");
  batch_ = eval.integer("batch", kDefaultBatch, kBatch,
                        "sequences of a batch of an evaluation, whatever train.batch is: what "
                        "routers that look across a batch see there");
  const std::optional<index> batches =
      eval.former_integer("batches", {0, kMany}, "eval.sequences, in batches of eval.batch");
  if (batches && settings.has("eval.sequences"))
    eval.reject("batches", eval.where("sequences") + " is set too; keep that one");
  sequences_ = eval.integer("sequences", batches ? *batches * batch_ : kDefaultSequences,
                            {0, kMany * kBatch.high},
                            "validation sequences of an evaluation, spread over the split; 0: all");
  const index all = data.info().validation_rows;
  if (sequences_ == 0 || sequences_ > all) sequences_ = all;
}

void Evaluator::shorten(Settings& settings, const std::string& origin) {
  settings.unset("eval.batches");
  Settings scratch = settings;
  const index batch = Options(scratch, "eval").integer("batch", kDefaultBatch, kBatch, "");
  settings.set("eval.sequences", std::to_string(batch), origin);
}

Batch Evaluator::posed(index i) const {
  const index first = i * batch_;
  const Batch batch = data_.batch(Split::validation, seed_, i, batch_);
  return task_.pose(rows_of(batch, 0, std::min(batch.batch, sequences_ - first)),
                    {Split::validation, 0, 0, first, sequences_});
}

Context Evaluator::context(index i) const {
  return {.training = false, .seed = seed_, .step = i, .layer = 0, .on_routing = {}, .given = {}};
}

std::optional<Evaluation> Evaluator::run(index step, const std::function<bool()>& stop) const {
  Evaluation result;
  result.step = step;
  Sums sums(data_);
  double correct = 0;
  RoutingMonitor monitor(model_, backend_, static_cast<index>(data_.info().domains.size()));
  for (index i = 0; i < batches(); ++i) {
    if (stop()) return {};
    Context pass = context(i);
    const Batch batch = posed(i);
    const Example example = task_.prepare(batch, backend_);
    monitor.attach(pass, example);
    std::vector<Loss> losses;
    const Tensor logits = model_.forward(example.input, pass, losses);
    const std::vector<real> rows = cross_entropy_rows(logits, example.targets).to_host();
    monitor.collect();
    sums.add(batch, example, rows);
    correct += static_cast<double>(backend_.count_correct(logits.data(), example.targets.data(),
                                                          logits.rows(), logits.cols()));
  }
  sums.write(result, data_.info().validation_rows);
  if (result.targets == 0)
    fail(Exit::data, fmt::format("nothing to predict in {} validation sequences; raise "
                                 "eval.sequences or data.length",
                                 result.sequences));
  result.accuracy = correct / static_cast<double>(result.targets);
  result.layers = std::move(monitor.layers());
  result.plan = monitor.plan();
  return result;
}

}  // namespace moesim
