#include "sim/train/evaluator.hpp"

#include "sim/backend/backend.hpp"
#include "sim/config/name_patterns.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/ratio_error.hpp"
#include "sim/train/routing_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr IntegerRange kBatch{1, 1 << 20};
constexpr index kDefaultBatch = 16, kDefaultSequences = 512;

// Sums of an evaluation: over the rows of a batch in order, then over batches in order. Counts are
// integers.
struct Sums {
  double loss = 0, loss_from = 0;  // of all positions, and of those from eval.from on
  index targets = 0, targets_from = 0, correct = 0;
  std::vector<double> domain_loss;
  std::vector<index> domain_targets;
  RatioError sequences;

  explicit Sums(std::size_t domains) : domain_loss(domains), domain_targets(domains) {}

  void add(const Sums& batch) {
    loss += batch.loss;
    targets += batch.targets, correct += batch.correct;
    loss_from += batch.loss_from, targets_from += batch.targets_from;
    for (std::size_t d = 0; d < domain_loss.size(); ++d) {
      domain_loss[d] += batch.domain_loss[d];
      domain_targets[d] += batch.domain_targets[d];
    }
    sequences.add(batch.sequences);
  }
};

// rows: the loss of every row of the logits; 0 for rows without a target.
Sums sums_of(const Batch& batch, const Example& example, const std::vector<real>& rows,
             std::size_t domains, std::size_t from) {
  Sums sums(domains);
  const std::size_t each = rows.size() / static_cast<std::size_t>(batch.batch);
  for (std::size_t first = 0; first < rows.size(); first += each) {
    double loss = 0;
    index targets = 0;
    for (std::size_t row = first; row < first + each; ++row) {
      if (batch.targets[row] < 0) continue;
      const auto value = static_cast<double>(rows[row]);
      loss += value, sums.loss += value;
      ++targets;
      if (row - first >= from) sums.loss_from += value, ++sums.targets_from;
      if (example.target_domains.empty()) continue;
      const auto domain = static_cast<std::size_t>(example.target_domains[row]);
      sums.domain_loss[domain] += value;
      ++sums.domain_targets[domain];
    }
    sums.targets += targets;
    sums.sequences.add(loss, static_cast<double>(targets));
  }
  return sums;
}

void write(const Sums& sums, index population, bool from, Evaluation& result) {
  const auto targets = static_cast<double>(sums.targets);
  result.sequences = sums.sequences.count();
  result.targets = sums.targets;
  result.loss = sums.loss / targets;
  result.loss_error = sums.sequences.error(population);
  if (from) result.loss_from = sums.loss_from / static_cast<double>(sums.targets_from);
  result.accuracy = static_cast<double>(sums.correct) / targets;
  for (std::size_t d = 0; d < sums.domain_loss.size(); ++d) {
    const auto of_domain = static_cast<double>(sums.domain_targets[d]);
    result.domain_targets.push_back(of_domain);
    result.domain_loss.push_back(of_domain > 0 ? sums.domain_loss[d] / of_domain : kMissing);
  }
}

constexpr Named<Rules> kRules[] = {{"dropless", Rules::dropless}, {"training", Rules::training}};

std::vector<Rules> read_also(Options& eval) {
  const std::string text = eval.text(
      "also", "",
      "further rules under which the loss is recorded: dropless (no limit of rows per "
      "expert), training (capacity and mixing as in training, without noise and dropout)");
  eval.keep_silent("also");
  std::vector<Rules> all;
  for (const std::string& word : words_of(text)) {
    const auto known = std::find_if(std::begin(kRules), std::end(kRules),
                                    [&](const Named<Rules>& one) { return word == one.name; });
    if (known == std::end(kRules))
      eval.reject("also", "unknown rules; write dropless, training, or both with a comma");
    if (std::find(all.begin(), all.end(), known->value) != all.end())
      eval.reject("also", word + " stands there twice");
    all.push_back(known->value);
  }
  return all;
}

// Losses of a batch under the rules of eval.also, summed over batches.
class OtherRules {
 public:
  explicit OtherRules(const std::vector<Rules>& rules) : rules_(rules), sums_(rules.size(), 0.0) {}

  // `usual`: the context of the pass under the usual rules, and the sum of its losses. If no router
  // reads the rules, the others give the same loss and need no pass.
  void add(Transformer& model, const Example& example, const Context& before, const Context& usual,
           double loss) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (!usual.asked_rules) {
        sums_[i] += loss;
        continue;
      }
      Context pass = before;
      pass.rules = rules_[i];
      std::vector<Loss> losses;
      const Tensor logits = model.forward(example.input, pass, losses);
      double sum = 0;  // in the order of Sums, so that equal passes have equal losses
      for (const real row : cross_entropy_rows(logits, example.targets).to_host())
        sum += static_cast<double>(row);
      sums_[i] += sum;
    }
  }
  std::vector<double> means(index targets) const {
    std::vector<double> means = sums_;
    for (double& mean : means) mean /= static_cast<double>(targets);
    return means;
  }

 private:
  const std::vector<Rules>& rules_;
  std::vector<double> sums_;
};

}  // namespace

std::string name_of(Rules rules) { return name_of<Rules>(kRules, rules); }

Evaluator::Evaluator(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
                     Backend& backend, std::uint64_t seed)
    : data_(data), task_(task), model_(model), backend_(backend), seed_(seed) {
  Options eval(settings, "eval");
  every_ =
      eval.integer("every", 100, {0, kManySteps}, "steps between evaluations; 0: only at the end");
  batch_ = eval.integer("batch", kDefaultBatch, kBatch,
                        "sequences per evaluation batch, independent of train.batch; routers that "
                        "mix a batch mix these");
  const std::optional<index> batches =
      eval.former_integer("batches", {0, kManySteps}, "eval.sequences, in batches of eval.batch");
  if (batches && settings.has("eval.sequences"))
    eval.reject("batches", eval.where("sequences") + " is set too; keep that one");
  sequences_ = eval.integer("sequences", batches ? *batches * batch_ : kDefaultSequences,
                            {0, kManySteps * kBatch.high},
                            "validation sequences of an evaluation, spread over the split; 0: all");
  from_ = eval.integer("from", 0, {0, 1 << 20},
                       "the loss from this position of a sequence on (0: the first) is recorded "
                       "too, where arms look ahead only before it; 0: not recorded");
  const index positions = data.info().classes > 0 ? 1 : data.info().length;
  if (from_ >= std::max<index>(1, positions))
    eval.reject("from", positions > 1
                            ? fmt::format("sequences have the positions 0 to {}; set one of these",
                                          positions - 1)
                            : std::string("the task has one prediction per sequence"));
  also_ = read_also(eval);
  const index all = data.info().validation_rows;
  if (sequences_ == 0 || sequences_ > all) sequences_ = all;
}

index Evaluator::batch_of(const Settings& settings) {
  Settings scratch;
  const auto set = settings.values().find("eval.batch");
  if (set != settings.values().end()) scratch.set("eval.batch", set->second);
  return Options(scratch, "eval").integer("batch", kDefaultBatch, kBatch, "");
}

void Evaluator::shorten(Settings& settings, const std::string& origin) {
  settings.unset("eval.batches");
  settings.set("eval.sequences", std::to_string(batch_of(settings)), origin);
}

Batch Evaluator::posed(index i) const {
  const index first = i * batch_;
  const Batch batch = data_.batch(Split::validation, seed_, i, batch_);
  return task_.pose(rows_of(batch, 0, std::min(batch.batch, sequences_ - first)),
                    {Split::validation, 0, 0, first, sequences_});
}

Context Evaluator::context(index i, Rules rules) const {
  Context context{.training = false, .seed = seed_, .step = i};
  context.rules = rules;
  return context;
}

std::string Evaluator::sha256() const {
  Sha256 sum;
  const auto add = [&](const auto& values) {
    sum.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]});
  };
  for (index i = 0; i < batches(); ++i) {
    const Batch batch = posed(i);
    add(batch.ids), add(batch.features), add(batch.targets);
  }
  return sum.hex();
}

std::optional<Evaluation> Evaluator::run(index step, const std::function<bool()>& stop,
                                         Rules rules) const {
  Evaluation result;
  result.step = step;
  const std::size_t domains = data_.info().domains.size();
  Sums sums(domains);
  RoutingMonitor monitor(model_, backend_, static_cast<index>(domains));
  OtherRules others(also_);
  for (index i = 0; i < batches(); ++i) {
    if (stop()) return {};
    Context pass = context(i, rules);
    const Batch batch = posed(i);
    const Example example = task_.prepare(batch, backend_);
    monitor.attach(pass, example);
    std::vector<Loss> losses;
    const Tensor logits = model_.forward(example.input, pass, losses);
    const std::vector<real> rows = cross_entropy_rows(logits, example.targets).to_host();
    monitor.collect();
    Sums sums_of_batch = sums_of(batch, example, rows, domains, static_cast<std::size_t>(from_));
    sums_of_batch.correct =
        backend_.count_correct(logits.data(), example.targets.data(), logits.rows(), logits.cols());
    sums.add(sums_of_batch);
    others.add(model_, example, context(i, rules), pass, sums_of_batch.loss);
  }
  write(sums, data_.info().validation_rows, from_ > 0, result);
  if (result.targets == 0)
    fail(Exit::data, fmt::format("nothing to predict in {} validation sequences; raise "
                                 "eval.sequences or data.length",
                                 result.sequences));
  result.loss_also = others.means(result.targets);
  result.layers = std::move(monitor.layers());
  return result;
}

}  // namespace moesim
